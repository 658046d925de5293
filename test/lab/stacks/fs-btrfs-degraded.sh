# A mirrored btrfs over three devices of which one is gone.
# disks: A=256M B=256M C=256M
set -eux
mkfs.btrfs -q -f -U 0b0f1a4e-0602-4000-8000-000000000001 -d raid1 -m raid1 "$A" "$B" "$C"
udevadm settle
btrfs device scan --forget
wipefs --quiet --all "$B"
udevadm settle
btrfs device scan
mkdir -p /mnt/pool
mount -o degraded "$A" /mnt/pool
btrfs subvolume create /mnt/pool/data
