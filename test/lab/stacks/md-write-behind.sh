# A mirror of which one half may lag behind, with a bitmap that is written less often than usual.
# disks: A=128M B=128M
set -eux
mdadm --create /dev/md/far --run --level=1 --raid-devices=2 --metadata=1.2 --name=far --homehost=builder --assume-clean \
    --bitmap=internal --bitmap-chunk=4M --delay=9 --write-behind=300 --uuid=0b0f1a4e:05000000:80000000:0000000d \
    "$A" --write-mostly --failfast "$B"
udevadm settle
