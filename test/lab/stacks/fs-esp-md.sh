# An EFI system partition on a mirror whose superblock is at the end, so that the firmware sees a FAT on both disks; mounted, with a loader on it.
# disks: A=256M B=256M
set -eux
for disk in "$A" "$B"; do
    sfdisk --quiet --wipe always "$disk" <<END
label: gpt
size=131072, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
type=A19D880F-05FC-4D3B-A006-743F0F84911E
END
done
udevadm settle
mdadm --create /dev/md/esp --run --assume-clean --level=1 --raid-devices=2 --metadata=1.0 --name=esp --homehost=builder \
    --bitmap=none --uuid=0b0f1a4e:060a0000:80000000:00000001 "$(part "$A" 1)" "$(part "$B" 1)"
mdadm --create /dev/md/boot --run --assume-clean --level=1 --raid-devices=2 --metadata=1.2 --name=boot --homehost=builder \
    --bitmap=none --uuid=0b0f1a4e:060a0000:80000000:00000002 "$(part "$A" 2)" "$(part "$B" 2)"
udevadm settle
mkfs.vfat -n ESP -i 060a0001 /dev/md/esp
mkfs.ext4 -q -U 0b0f1a4e-060a-4000-8000-000000000001 /dev/md/boot
udevadm settle
mkdir -p /boot
mount /dev/md/boot /boot
mkdir -p /boot/efi
mount /dev/md/esp /boot/efi
mkdir -p /boot/efi/EFI/BOOT
printf 'MZ' > /boot/efi/EFI/BOOT/BOOTX64.EFI
