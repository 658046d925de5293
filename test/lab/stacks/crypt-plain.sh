# Encryption without a header: swap with a key that is new at every start, a filesystem behind an offset, and one that is closed.
# disks: A=128M B=128M:virtio C=64M
set -eux
printf '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef' >/run/key
mkdir -p /etc/keys
cp /run/key /etc/keys/plain.key
cryptsetup open --type plain --cipher aes-xts-plain64 --key-size 512 --key-file /dev/urandom "$A" swap0
mkswap --uuid 0b0f1a4e-0304-4000-8000-000000000001 /dev/mapper/swap0
swapon /dev/mapper/swap0
cryptsetup open --type plain --cipher aes-cbc-essiv:sha256 --key-size 256 --offset 2048 --skip 16 --allow-discards \
    --key-file /etc/keys/plain.key "$B" plain
mkfs.ext4 -q -U 0b0f1a4e-0304-4000-8000-000000000002 /dev/mapper/plain
cat >/etc/crypttab <<END
swap0   $(echo /dev/disk/by-id/scsi-*A)  /dev/urandom         swap,plain,cipher=aes-xts-plain64,size=512
plain   /dev/disk/by-id/virtio-B         /etc/keys/plain.key  plain,cipher=aes-cbc-essiv:sha256,size=256,offset=2048,skip=16,discard
closed  $(echo /dev/disk/by-id/scsi-*C)  none                 plain,cipher=aes-xts-plain64,size=256,hash=sha256,noauto
END
udevadm settle
