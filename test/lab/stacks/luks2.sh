# LUKS 2 with slots of both kinds of key derivation, over a partition; a volume group within.
# disks: A=512M
set -eux
echo 'type=CA7D7CCB-63ED-4C53-861C-1742536059CC' | sfdisk --quiet --wipe always --label gpt "$A"
udevadm settle
printf secret | cryptsetup luksFormat --batch-mode --type luks2 --uuid 0b0f1a4e-0300-4000-8000-000000000004 --label vault \
    --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - "$(part "$A" 1)"
printf other >/run/other
printf secret | cryptsetup luksAddKey --batch-mode --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32768 \
    --key-file - "$(part "$A" 1)" /run/other
printf secret | cryptsetup open --key-file - "$(part "$A" 1)" vault
pvcreate --quiet /dev/mapper/vault
vgcreate --quiet inner /dev/mapper/vault
lvcreate --quiet --wipesignatures n --extents 50%FREE --name home inner
mkfs.ext4 -q -U 0b0f1a4e-0300-4000-8000-000000000005 /dev/inner/home
echo "vault UUID=0b0f1a4e-0300-4000-8000-000000000004 none luks" >/etc/crypttab
