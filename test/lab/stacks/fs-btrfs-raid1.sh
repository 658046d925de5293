# A btrfs over three devices, mirrored, as a system with snapshots has it: subvolumes mounted by themselves, a nested one, snapshots.
# disks: A=512M B=512M:nvme C=512M:virtio
set -eux
sfdisk --quiet --wipe always "$A" <<END
label: gpt
size=65536, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
udevadm settle
mkfs.btrfs -q -f -L system -U 0b0f1a4e-0600-4000-8000-000000000001 --csum xxhash -n 32768 -d raid1 -m raid1 \
    "$(part "$A" 2)" "$B" "$C"
udevadm settle
btrfs device scan
mkdir -p /mnt/top
mount -o subvolid=5 "$B" /mnt/top
for name in @ @home @srv @snapshots; do btrfs subvolume create "/mnt/top/$name"; done
mkdir -p /mnt/top/@/var/lib /mnt/top/@/home /mnt/top/@/srv
btrfs subvolume create /mnt/top/@/var/lib/machines
echo data > /mnt/top/@/file
btrfs subvolume snapshot -r /mnt/top/@ '/mnt/top/@snapshots/first one'
btrfs subvolume snapshot /mnt/top/@home /mnt/top/@home-tried
btrfs subvolume set-default "$(btrfs inspect-internal rootid /mnt/top/@)" /mnt/top
chattr +C /mnt/top/@srv
btrfs property set /mnt/top/@home compression zstd
btrfs quota enable /mnt/top
btrfs qgroup limit 100m /mnt/top/@srv
umount /mnt/top
mkdir -p /mnt/system
mount "$B" /mnt/system
mount -o subvol=@home,compress=zstd:1 "$B" /mnt/system/home
mount -o subvol=@srv,nodatacow "$C" /mnt/system/srv
sync
