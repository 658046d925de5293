# A volume group on a RAID 1 of partitions, beside a plain one.
# disks: A=512M B=512M:virtio
set -eux
for disk in "$A" "$B"; do
  printf 'size=400M, type=A19D880F-05FC-4D3B-A006-743F0F84911E\nsize=64M, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4\n' | sfdisk --quiet --wipe always --label gpt "$disk"
done
udevadm settle
mdadm --create /dev/md/0 --run --level 1 --raid-devices 2 --metadata 1.2 --assume-clean --name 0 --uuid 0b0f1a4e:04054000:80000000:00000001 "$(part "$A" 1)" "$(part "$B" 1)"
udevadm settle
vgcreate --quiet system /dev/md/0
lvcreate --quiet --wipesignatures n --size 128m --name root system
lvcreate --quiet --wipesignatures n --size 64m --name swap system
mkfs.ext4 -q -U 0b0f1a4e-0405-4000-8000-000000000002 /dev/system/root
mkswap --uuid 0b0f1a4e-0405-4000-8000-000000000003 /dev/system/swap
mkfs.ext4 -q -U 0b0f1a4e-0405-4000-8000-000000000004 "$(part "$A" 2)"
mkdir -p /mnt/root
mount /dev/system/root /mnt/root
