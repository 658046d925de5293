# Snapshots of the old kind: two of a volume that is mounted, one of a RAID volume; one is mounted too.
# disks: A=512M B=512M:virtio
set -eux
vgcreate --quiet snaps "$A" "$B"
lvcreate --quiet --wipesignatures n --size 64m --name home snaps
mkfs.ext4 -q -U 0b0f1a4e-0402-4000-8000-000000000001 /dev/snaps/home
lvcreate --quiet --type raid1 --mirrors 1 --nosync --yes --wipesignatures n --size 32m --name safe snaps
mkfs.ext4 -q -U 0b0f1a4e-0402-4000-8000-000000000002 /dev/snaps/safe
mkdir -p /mnt/home /mnt/before
mount /dev/snaps/home /mnt/home
lvcreate --quiet --snapshot --chunksize 8k --size 16m --name before snaps/home
lvcreate --quiet --snapshot --size 16m --permission r --name frozen snaps/home
lvcreate --quiet --snapshot --size 16m --name safe-before snaps/safe
mount -o ro,noload /dev/snaps/before /mnt/before
