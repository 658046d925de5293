# A RAID 6 of four, one of which was never there; only a part of each member is used.
# disks: A=128M B=128M C=128M
set -eux
mdadm --create /dev/md/deep --run --assume-clean --level=6 --raid-devices=4 --metadata=1.2 --chunk=32 --size=65536 \
    --name=deep --homehost=any --bitmap=internal --bitmap-chunk=1M --uuid=0b0f1a4e:05000000:80000000:00000003 \
    "$A" missing "$B" "$C"
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0503-4000-8000-000000000001 /dev/md/deep
