# Swap on a logical volume, in a file, and in compressed memory.
# disks: A=512M
set -eux
sfdisk --quiet --wipe always "$A" <<END
label: gpt
size=524288, type=E6D6D379-F507-44C2-A23C-238F2A3DF928
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
udevadm settle
pvcreate "$(part "$A" 1)"
vgcreate system "$(part "$A" 1)"
lvcreate --yes --size 64m --name swap system
mkswap -L paging -U 0b0f1a4e-0603-4000-8000-000000000001 /dev/system/swap
swapon --priority 5 /dev/system/swap
mkfs.ext4 -q -U 0b0f1a4e-0603-4000-8000-000000000002 "$(part "$A" 2)"
mkdir -p /mnt/data
mount "$(part "$A" 2)" /mnt/data
dd if=/dev/zero of=/mnt/data/swapfile bs=1M count=32 status=none
chmod 600 /mnt/data/swapfile
mkswap -U 0b0f1a4e-0603-4000-8000-000000000003 /mnt/data/swapfile
swapon /mnt/data/swapfile
modprobe zram num_devices=2
echo zstd > /sys/block/zram0/comp_algorithm
echo 96M > /sys/block/zram0/disksize
echo 48M > /sys/block/zram0/mem_limit
mkswap /dev/zram0
swapon --priority 100 /dev/zram0
udevadm settle
