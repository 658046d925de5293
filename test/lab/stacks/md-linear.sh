# Two disks one after the other. Linux 6.12, the kernel of Debian 13, has no such arrays.
# disks: A=128M B=192M
# releases: debian11 debian12
set -eux
mdadm --create /dev/md/long --run --level=linear --raid-devices=2 --metadata=1.2 --name=long --homehost=builder \
    --uuid=0b0f1a4e:05000000:80000000:0000000d "$A" "$B"
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-050d-4000-8000-000000000001 /dev/md/long
