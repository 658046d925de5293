# Images in files: one with a partition table and filesystems, one inside of that, one with an offset, and one whose file was removed.
# disks: A=1G
set -eux
mkfs.ext4 -q -U 0b0f1a4e-0606-4000-8000-000000000001 "$A"
mkdir -p /mnt/data /mnt/image /mnt/inner /mnt/behind
mount "$A" /mnt/data
mkdir /mnt/data/images
truncate --size 256M '/mnt/data/images/disk one.img'
disk=$(losetup --find --show --partscan '/mnt/data/images/disk one.img')
sfdisk --quiet "$disk" <<END
label: gpt
label-id: 0B0F1A4E-0606-4000-8000-000000000100
size=262144, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=0B0F1A4E-0606-4000-8000-000000000101
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=0B0F1A4E-0606-4000-8000-000000000102
END
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0606-4000-8000-000000000002 "${disk}p1"
mkswap -U 0b0f1a4e-0606-4000-8000-000000000003 "${disk}p2"
mount "${disk}p1" /mnt/image
truncate --size 32M /mnt/image/inner.img
mkfs.ext2 -q -U 0b0f1a4e-0606-4000-8000-000000000004 /mnt/image/inner.img
mount -o loop,ro /mnt/image/inner.img /mnt/inner
truncate --size 65M /mnt/data/behind.img
behind=$(losetup --find --show --offset 1048576 --sizelimit 33554432 --sector-size 4096 /mnt/data/behind.img)
mkfs.ext4 -q -U 0b0f1a4e-0606-4000-8000-000000000005 "$behind"
mount "$behind" /mnt/behind
truncate --size 16M /mnt/data/gone.img
losetup --find /mnt/data/gone.img
rm /mnt/data/gone.img
udevadm settle
