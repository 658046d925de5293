# LUKS 2 that notices changed data, over a RAID 1.
# disks: A=128M B=128M
set -eux
mdadm --create /dev/md/pair --run --level=1 --raid-devices=2 --metadata=1.2 --name=pair --homehost=builder "$A" "$B"
mdadm --wait /dev/md/pair || true
printf secret | cryptsetup luksFormat --batch-mode --type luks2 --uuid 0b0f1a4e-0303-4000-8000-000000000001 \
    --integrity hmac-sha256 --integrity-no-wipe --sector-size 4096 --luks2-metadata-size 64k --luks2-keyslots-size 4m \
    --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - /dev/md/pair
printf secret | cryptsetup open --key-file - /dev/md/pair whole
dd if=/dev/zero of=/dev/mapper/whole bs=1M oflag=direct 2>/run/wiped || true
mkfs.ext4 -q -U 0b0f1a4e-0303-4000-8000-000000000002 /dev/mapper/whole
udevadm settle
