# Volumes behind a cache pool, a cache volume and a write cache; thin pool whose data is cached and its metadata mirrored.
# disks: A=1G B=512M:nvme C=512M:virtio
set -eux
vgcreate --quiet cached "$A" "$B" "$C"
lvcreate --quiet --wipesignatures n --size 128m --name pooled cached "$A"
lvcreate --quiet --type cache-pool --size 64m --poolmetadatasize 8m --chunksize 64k --cachemode writethrough --name fast cached "$B"
lvconvert --quiet --yes --type cache --cachepool cached/fast --cachepolicy smq --cachesettings migration_threshold=4096 cached/pooled
lvcreate --quiet --wipesignatures n --size 128m --name single cached "$A"
lvcreate --quiet --wipesignatures n --size 64m --name fastvol cached "$B"
lvconvert --quiet --yes --type cache --cachevol cached/fastvol --cachemode writeback cached/single
lvcreate --quiet --wipesignatures n --size 128m --name written cached "$A"
lvcreate --quiet --wipesignatures n --size 64m --name fastwrites cached "$B"
lvchange --quiet --activate n cached/fastwrites
lvconvert --quiet --yes --type writecache --cachevol cached/fastwrites --cachesettings 'high_watermark=60 low_watermark=40' cached/written
lvcreate --quiet --type cache-pool --size 32m --chunksize 128k --name spare cached "$B"
lvcreate --quiet --wipesignatures n --size 128m --name bulk cached "$A"
lvcreate --quiet --type raid1 --mirrors 1 --nosync --yes --wipesignatures n --size 8m --name bulkmeta cached "$A" "$C"
lvconvert --quiet --yes --type thin-pool --poolmetadata cached/bulkmeta --chunksize 256k --zero n --discards nopassdown cached/bulk
lvcreate --quiet --thin --virtualsize 1g --name thin cached/bulk
mkfs.ext4 -q -U 0b0f1a4e-0403-4000-8000-000000000001 /dev/cached/pooled
mkfs.ext4 -q -U 0b0f1a4e-0403-4000-8000-000000000002 /dev/cached/written
mkfs.ext4 -q -U 0b0f1a4e-0403-4000-8000-000000000003 /dev/cached/thin
