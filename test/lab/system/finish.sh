# Carried out in the builder machine, by bash: $1 has the root filesystem of a system at its place; the rest of the disk, and GRUB.
set -eux
disk=$1 layout=$2 esp=$3

sfdisk --quiet --wipe-partitions never "$disk" <<< "$layout"
udevadm settle
mkfs.vfat -F 32 -n ESP -i "${esp/-/}" "${disk}2"
udevadm settle
mount "${disk}3" /mnt
mkdir -p /mnt/boot/efi
mount "${disk}2" /mnt/boot/efi
for name in dev proc sys run; do mount --rbind "/$name" "/mnt/$name"; done

inside() { env -i LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin chroot /mnt "$@"; }
inside grub-install --target=i386-pc "$disk"
# Where firmware looks that has no entry for it, and where its entry will lead.
inside grub-install --target=x86_64-efi --uefi-secure-boot --no-nvram --force-extra-removable
inside update-grub

umount --recursive /mnt
