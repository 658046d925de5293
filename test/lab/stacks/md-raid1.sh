# A RAID 1 on partitions of two disks, as installers make it, with a name and a bitmap.
# disks: A=512M B=512M
set -eux
for disk in "$A" "$B"; do
    sfdisk --quiet --wipe always "$disk" <<EOF
label: gpt
start=2048, size=65536, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
type=A19D880F-05FC-4D3B-A006-743F0F84911E
EOF
done
udevadm settle
mdadm --create /dev/md/system --run --level=1 --raid-devices=2 --metadata=1.2 --name=system --homehost=builder \
    --bitmap=internal "$(part "$A" 2)" "$(part "$B" 2)"
mdadm --wait /dev/md/system || true
mkfs.ext4 -q -L root -U 0b0f1a4e-0300-4000-8000-000000000001 /dev/md/system
mkdir -p /mnt/root
mount /dev/md/system /mnt/root
