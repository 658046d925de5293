# A pool of VDO, compressing and deduplicating, and the volume in it.
# disks: A=8G
# releases: debian13
# needs: vdo
# memory: 2048
set -eux
vgcreate pool "$A"
lvcreate --yes --type vdo --name files --size 6G --virtualsize 20G --compression n \
    --config 'allocation{vdo_bio_threads=2 vdo_slab_size_mb=1024}' pool/dedup
mkfs.ext4 -q -E nodiscard -O ^has_journal -U 0b0f1a4e-0600-4000-8000-00000000000d /dev/pool/files
udevadm settle
