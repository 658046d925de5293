# Two btrfs: data in one copy under mirrored stripes over four devices, in no use; and a small one with data and metadata in the same blocks.
# disks: A=256M B=256M C=256M D=256M E=128M
set -eux
mkfs.btrfs -q -f -U 0b0f1a4e-0601-4000-8000-000000000001 -d single -m raid10 "$A" "$B" "$C" "$D"
mkfs.btrfs -q -f -U 0b0f1a4e-0601-4000-8000-000000000002 -L small --mixed -s 4096 -n 4096 "$E"
udevadm settle
btrfs device scan
mkdir -p /mnt/small
mount "$E" /mnt/small
