# A RAID 5 with the old metadata on partitions of an MBR that reach to the end of their disks, with a spare.
# disks: A=128M B=128M C=128M D=128M
set -eux
for disk in "$A" "$B" "$C" "$D"; do echo 'type=fd' | sfdisk --quiet --wipe always --label dos "$disk"; done
udevadm settle
mdadm --create /dev/md5 --run --assume-clean --level=5 --raid-devices=3 --spare-devices=1 --metadata=0.90 --chunk=64 \
    --layout=right-asymmetric --uuid=0b0f1a4e:05000000:80000000:00000002 \
    "$(part "$A" 1)" "$(part "$B" 1)" "$(part "$C" 1)" "$(part "$D" 1)"
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0502-4000-8000-000000000001 /dev/md5
