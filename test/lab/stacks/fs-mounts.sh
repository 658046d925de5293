# Mounts of all sorts: one filesystem in several places, binds, an overlay, memory, and something hidden.
# disks: A=256M B=256M
set -eux
mkfs.ext4 -q -U 0b0f1a4e-0609-4000-8000-000000000001 "$A"
mkfs.btrfs -q -f -U 0b0f1a4e-0609-4000-8000-000000000002 "$B"
udevadm settle
mkdir -p /mnt/a /mnt/again /mnt/bind /mnt/file /mnt/merged /mnt/memory /mnt/over /mnt/b /mnt/c /mnt/part
mount "$A" /mnt/a
mkdir -p /mnt/a/dir/lower /mnt/a/dir/upper /mnt/a/dir/work
echo one > /mnt/a/dir/one
mount "$A" /mnt/again
mount --bind /mnt/a/dir /mnt/bind
mount -o remount,bind,ro /mnt/bind
touch /mnt/file/here
mount --bind /mnt/a/dir/one /mnt/file/here
mount -t overlay overlay -o lowerdir=/mnt/a/dir/lower,upperdir=/mnt/a/dir/upper,workdir=/mnt/a/dir/work /mnt/merged
mount -t tmpfs -o size=16m memory /mnt/memory
mount -t tmpfs hidden /mnt/over
mount "$A" /mnt/over
mount "$B" /mnt/b
btrfs subvolume create /mnt/b/@data
mkdir /mnt/b/@data/inside
btrfs subvolume create /mnt/b/@data/nested
mount -o subvol=@data "$B" /mnt/c
mount --bind /mnt/b/@data/inside /mnt/part
umount /mnt/b
