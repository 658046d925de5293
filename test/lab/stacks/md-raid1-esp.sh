# Two RAID 1 on the same two disks: one with its metadata at the end, as for an ESP, and one that waits for its second half.
# disks: A=256M B=256M
set -eux
for disk in "$A" "$B"; do
    sfdisk --quiet --wipe always "$disk" <<EOF
label: gpt
size=131072, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
type=A19D880F-05FC-4D3B-A006-743F0F84911E
EOF
done
udevadm settle
mdadm --create /dev/md/esp --run --assume-clean --level=1 --raid-devices=2 --metadata=1.0 --name=esp --homehost=builder \
    --bitmap=none --uuid=0b0f1a4e:05000000:80000000:00000005 "$(part "$A" 1)" "$(part "$B" 1)"
mdadm --create /dev/md/slow --run --assume-clean --level=1 --raid-devices=2 --metadata=1.2 --name=slow --homehost=builder \
    --bitmap=internal --uuid=0b0f1a4e:05000000:80000000:00000006 "$(part "$A" 2)" --write-mostly "$(part "$B" 2)"
udevadm settle
mkfs.vfat -i 05050001 /dev/md/esp
mkfs.ext4 -q -U 0b0f1a4e-0505-4000-8000-000000000002 /dev/md/slow
mdadm /dev/md/slow --fail "$(part "$B" 2)" --remove "$(part "$B" 2)"
