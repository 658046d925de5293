# A RAID 1 that is rebuilt on its spare, slowly; another array on it and a disk (RAID 1 over RAID 0).
# disks: A=128M B=128M C=128M D=256M
set -eux
modprobe md_mod
echo 100 >/proc/sys/dev/raid/speed_limit_max
echo 50 >/proc/sys/dev/raid/speed_limit_min
mdadm --create /dev/md/mirror --run --assume-clean --level=1 --raid-devices=2 --spare-devices=1 --metadata=1.2 \
    --name=mirror --homehost=builder --bitmap=none --uuid=0b0f1a4e:05000000:80000000:0000000b "$A" "$B" "$C"
udevadm settle
mdadm /dev/md/mirror --fail "$B"
udevadm settle
mdadm --create /dev/md/outer --run --level=0 --raid-devices=2 --chunk=64 --metadata=1.2 --name=outer --homehost=builder \
    --uuid=0b0f1a4e:05000000:80000000:0000000c /dev/md/mirror "$D"
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-050b-4000-8000-000000000001 /dev/md/outer
