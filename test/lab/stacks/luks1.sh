# LUKS 1: one open with a cipher of its own and two slots, opened with a key file by crypttab; one that is closed.
# disks: A=256M B=64M:virtio
set -eux
echo 'type=CA7D7CCB-63ED-4C53-861C-1742536059CC' | sfdisk --quiet --wipe always --label gpt "$A"
udevadm settle
mkdir -p /etc/keys
printf secret >/etc/keys/old.key
printf other >/run/other
cryptsetup luksFormat --batch-mode --type luks1 --uuid 0b0f1a4e-0301-4000-8000-000000000001 --cipher aes-cbc-essiv:sha256 \
    --key-size 256 --hash sha512 --pbkdf-force-iterations 1234 --key-slot 2 "$(part "$A" 1)" /etc/keys/old.key
cryptsetup luksAddKey --batch-mode --pbkdf-force-iterations 2345 --key-slot 6 --key-file /etc/keys/old.key "$(part "$A" 1)" \
    /run/other
cryptsetup luksFormat --batch-mode --type luks1 --uuid 0b0f1a4e-0301-4000-8000-000000000002 --align-payload 8192 \
    --pbkdf-force-iterations 1000 "$B" /run/other
cryptsetup open --key-file /etc/keys/old.key "$(part "$A" 1)" old
mkfs.ext4 -q -U 0b0f1a4e-0301-4000-8000-000000000003 /dev/mapper/old
mkdir -p /mnt/old
mount /dev/mapper/old /mnt/old
cat >/etc/crypttab <<'END'
# name  device                                     key file           options
old     UUID=0b0f1a4e-0301-4000-8000-000000000001  /etc/keys/old.key  luks,discard,key-slot=2
closed  UUID=0b0f1a4e-0301-4000-8000-000000000002  none               luks,noauto
END
