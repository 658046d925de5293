# A RAID 5 with a journal on a disk of its own, and one with a partial parity log.
# disks: A=256M B=256M C=256M D=256M
set -eux
for disk in "$A" "$B" "$C"; do printf 'label: gpt\nsize=128M\ntype=%s\n' A19D880F-05FC-4D3B-A006-743F0F84911E | sfdisk --quiet "$disk"; done
udevadm settle
mdadm --create /dev/md/logged --run --level=5 --raid-devices=3 --metadata=1.2 --name=logged --homehost=builder \
    --write-journal="$D" --uuid=0b0f1a4e:05000000:80000000:00000009 \
    "$(part "$A" 1)" "$(part "$B" 1)" "$(part "$C" 1)"
mdadm --create /dev/md/ppl --run --assume-clean --level=5 --raid-devices=3 --metadata=1.2 --name=ppl --homehost=builder \
    --consistency-policy=ppl --uuid=0b0f1a4e:05000000:80000000:0000000a \
    "$(part "$A" 2)" "$(part "$B" 2)" "$(part "$C" 2)"
mdadm --wait /dev/md/logged || true
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0509-4000-8000-000000000001 /dev/md/logged
