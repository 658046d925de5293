# LUKS 2 that is being encrypted anew with another cipher, while it is open; and a slot for a key with which no data is encrypted.
# disks: A=96M
set -eux
printf secret >/run/key
printf other >/run/other
cryptsetup luksFormat --batch-mode --type luks2 --uuid 0b0f1a4e-0306-4000-8000-000000000001 --pbkdf pbkdf2 \
    --pbkdf-force-iterations 1000 --cipher aes-cbc-essiv:sha256 --key-size 256 --key-file /run/key "$A"
cryptsetup luksAddKey --batch-mode --unbound --key-slot 7 --key-size 128 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
    "$A" /run/other
cryptsetup open --key-file /run/key "$A" anew
mkfs.ext4 -q -U 0b0f1a4e-0306-4000-8000-000000000002 /dev/mapper/anew
cryptsetup reencrypt --batch-mode --init-only --cipher aes-xts-plain64 --key-size 512 --pbkdf pbkdf2 --key-slot 0 \
    --pbkdf-force-iterations 1000 --key-file /run/key "$A"
udevadm settle
