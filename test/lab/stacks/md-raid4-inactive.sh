# A RAID 4 that was stopped, and a RAID 0 of which one disk is gone, so that it cannot be started.
# disks: A=128M B=128M C=128M D=128M
set -eux
mdadm --create /dev/md/parity --run --assume-clean --level=4 --raid-devices=3 --metadata=1.2 --name=parity \
    --homehost=builder --bitmap=none --uuid=0b0f1a4e:05000000:80000000:00000007 "$A" "$B" "$C"
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0507-4000-8000-000000000001 /dev/md/parity
mdadm --stop /dev/md/parity
printf 'label: gpt\nsize=64M\ntype=A19D880F-05FC-4D3B-A006-743F0F84911E\n' | sfdisk --quiet "$D"
udevadm settle
mdadm --create /dev/md/lost --run --level=0 --raid-devices=2 --metadata=1.2 --name=lost --homehost=builder \
    --uuid=0b0f1a4e:05000000:80000000:00000008 "$(part "$D" 1)" "$(part "$D" 2)"
mdadm --stop /dev/md/lost
mdadm --zero-superblock "$(part "$D" 2)"
mdadm --incremental "$(part "$D" 1)" || true
udevadm settle
