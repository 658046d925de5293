# A RAID 10 of three disks with two far copies, and a table of partitions within.
# disks: A=128M B=128M:nvme C=128M:virtio
set -eux
mdadm --create /dev/md/far --run --assume-clean --level=10 --raid-devices=3 --layout=f2 --chunk=256 --metadata=1.1 \
    --name=far --homehost=builder --bitmap=none --data-offset=4M --uuid=0b0f1a4e:05000000:80000000:00000004 "$A" "$B" "$C"
udevadm settle
sfdisk --quiet --label gpt /dev/md/far <<EOF
label-id: 0B0F1A4E-0504-4000-8000-000000000001
size=65536, uuid=0B0F1A4E-0504-4000-8000-000000000002
uuid=0B0F1A4E-0504-4000-8000-000000000003
EOF
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0504-4000-8000-000000000004 /dev/md/far1
mkswap --uuid 0b0f1a4e-0504-4000-8000-000000000005 /dev/md/far2
