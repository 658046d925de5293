# LUKS 2 whose header is a file on a filesystem of another device, as systemd takes it from a stick.
# disks: A=128M B=32M:usb
set -eux
mkfs.ext4 -q -L stick -U 0b0f1a4e-0305-4000-8000-000000000001 "$B"
mkdir -p /etc/headers
mount "$B" /etc/headers
printf secret >/run/key
cryptsetup luksFormat --batch-mode --type luks2 --uuid 0b0f1a4e-0305-4000-8000-000000000002 --pbkdf pbkdf2 \
    --pbkdf-force-iterations 1000 --header /etc/headers/root.img --key-file /run/key "$A"
cryptsetup open --key-file /run/key --header /etc/headers/root.img "$A" root
mkfs.ext4 -q -U 0b0f1a4e-0305-4000-8000-000000000003 /dev/mapper/root
udevadm settle
echo "root $(echo /dev/disk/by-id/scsi-*A) none luks,header=/root.img:LABEL=stick" >/etc/crypttab
