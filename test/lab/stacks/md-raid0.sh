# A RAID 0 over three whole disks of unequal size, which so have two zones.
# disks: A=128M B=128M:virtio C=192M:nvme
set -eux
mdadm --create /dev/md/fast --run --level=0 --raid-devices=3 --chunk=128 --metadata=1.2 --name=fast --homehost=builder \
    --uuid=0b0f1a4e:05000000:80000000:00000001 "$A" "$B" "$C"
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0501-4000-8000-000000000001 /dev/md/fast
