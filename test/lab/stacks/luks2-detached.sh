# LUKS 2 with its header elsewhere: in a file, of one that is open and of one that is not; and on a device of its own.
# disks: A=256M B=128M C=128M D=32M:virtio
set -eux
echo 'size=240M, type=CA7D7CCB-63ED-4C53-861C-1742536059CC, uuid=0b0f1a4e-0302-4000-8000-000000000006' | sfdisk --quiet --wipe always --label gpt "$A"
udevadm settle
mkdir -p /etc/headers
printf secret >/run/key
format() {
    cryptsetup luksFormat --batch-mode --type luks2 --pbkdf argon2id --pbkdf-force-iterations 4 --pbkdf-memory 32768 \
        --pbkdf-parallel 1 "$@" --key-file /run/key
}
format --uuid 0b0f1a4e-0302-4000-8000-000000000001 --sector-size 4096 --header /etc/headers/data.img "$(part "$A" 1)"
format --uuid 0b0f1a4e-0302-4000-8000-000000000002 --offset 4096 --header /etc/headers/closed.img "$B"
format --uuid 0b0f1a4e-0302-4000-8000-000000000003 --header "$D" "$C"
cryptsetup open --key-file /run/key --header /etc/headers/data.img "$(part "$A" 1)" data
cryptsetup open --key-file /run/key --header "$D" "$C" apart
mkfs.ext4 -q -U 0b0f1a4e-0302-4000-8000-000000000004 /dev/mapper/data
mkfs.ext4 -q -U 0b0f1a4e-0302-4000-8000-000000000005 /dev/mapper/apart
cat >/etc/crypttab <<END
data    PARTUUID=0b0f1a4e-0302-4000-8000-000000000006  none  luks,header=/etc/headers/data.img
closed  $(echo /dev/disk/by-id/scsi-*B)  none  luks,header=/etc/headers/closed.img
apart   $(echo /dev/disk/by-id/scsi-*C)  none  luks,header=UUID=0b0f1a4e-0302-4000-8000-000000000003
END
