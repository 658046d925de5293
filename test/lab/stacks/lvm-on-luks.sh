# A volume group inside an encrypted partition, and an encrypted volume inside that group.
# disks: A=512M
set -eux
echo 'type=CA7D7CCB-63ED-4C53-861C-1742536059CC' | sfdisk --quiet --wipe always --label gpt "$A"
udevadm settle
key() { printf %s 'correct horse'; }
format() { key | cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid "$1" --key-file - "$2"; }
format 0b0f1a4e-0406-4000-8000-000000000001 "$(part "$A" 1)"
key | cryptsetup open --key-file - "$(part "$A" 1)" outer
vgcreate --quiet inside /dev/mapper/outer
lvcreate --quiet --wipesignatures n --size 128m --name plain inside
lvcreate --quiet --wipesignatures n --size 64m --name secret inside
mkfs.ext4 -q -U 0b0f1a4e-0406-4000-8000-000000000002 /dev/inside/plain
format 0b0f1a4e-0406-4000-8000-000000000003 /dev/inside/secret
key | cryptsetup open --key-file - /dev/inside/secret inner
mkfs.ext4 -q -U 0b0f1a4e-0406-4000-8000-000000000004 /dev/mapper/inner
mkdir -p /mnt/plain
mount /dev/inside/plain /mnt/plain
