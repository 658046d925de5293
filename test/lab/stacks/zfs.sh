# ZFS: a pool of a mirror with log, cache and spare, and datasets, volumes and a clone in it; one of raidz; one that is not imported.
# disks: A=384M B=384M:virtio C=256M D=256M E=128M F=128M G=128M H=128M I=128M
# releases: debian12
# needs: zfs
set -eux
mkdir -p /etc/zfs
for disk in "$A" "$B"; do printf 'label: gpt\nsize=80M\nsize=+\n' | sfdisk --quiet "$disk"; done
udevadm settle
zpool create -f -o ashift=12 -o autotrim=on -o comment='two halves' -O compression=zstd -O atime=off -O mountpoint=/srv tank \
    mirror "$(part "$A" 2)" "$(part "$B" 2)" log "$(part "$A" 1)" cache "$(part "$B" 1)" spare "$C"
zfs create -o quota=64M -o recordsize=16K -o org.example:owner='the library' tank/books
zfs create -o mountpoint=none tank/empty
zfs create -o casesensitivity=insensitive -o normalization=formD -o canmount=noauto tank/share
zfs create -V 32M -o volblocksize=16K tank/disk
zfs create -s -V 48M tank/thin
printf 'correct horse battery staple' >/run/zfs.key
zfs create -o encryption=aes-256-gcm -o keyformat=passphrase -o pbkdf2iters=100000 -o keylocation=file:///run/zfs.key tank/secret
zfs create tank/secret/inside
zfs unmount tank/secret/inside
zfs unmount tank/secret
zfs unload-key tank/secret
dd if=/dev/urandom of=/srv/books/one bs=64k count=16 conv=fsync
zfs snapshot tank/books@monday
zfs clone tank/books@monday tank/copy
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0a00-4000-8000-000000000001 /dev/zvol/tank/disk
zpool create -f -o ashift=9 -o failmode=continue -o feature@edonr=disabled -m legacy wide raidz2 "$D" "$E" "$F" "$G"
mkdir -p /mnt/wide
mount -t zfs wide /mnt/wide
zpool create -f away mirror "$H" "$I"
zfs create away/data
zpool export away
udevadm settle
udevadm trigger --settle --action=change --subsystem-match=block
