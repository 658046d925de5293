# Filesystems on whole disks, without a table.
# disks: A=512M B=512M:nvme C=512M:virtio D=64M:usb
set -eux
mkfs.ext4 -q -L whole -U 0b0f1a4e-0607-4000-8000-000000000001 "$A"
mkfs.xfs -q -m uuid=0b0f1a4e-0607-4000-8000-000000000002 "$B"
mkfs.f2fs -q -l flash -w 512 "$C"
mkfs.vfat -I --mbr=n -i 06070004 -n STICK "$D"
udevadm settle
mkdir -p /mnt/a /mnt/b /mnt/c
mount "$A" /mnt/a
mount "$B" /mnt/b
mount "$C" /mnt/c
