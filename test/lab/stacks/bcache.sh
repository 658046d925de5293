# A disk and a partition behind one cache, the disk written back with data that is in the cache alone; one whose cache was taken away.
# disks: A=96M B=128M:virtio C=64M D=96M
set -eux
modprobe bcache
register() { echo "$1" >/sys/fs/bcache/register; }
await() {
    for _ in $(seq 100); do [ ! -e "$1" ] || return 0; sleep 0.1; done
    return 1
}
echo 'label: gpt, start=2048' | tr ',' '\n' | sfdisk --quiet "$B"
udevadm settle
make-bcache --cache --bucket 64k --block 4k --cache_replacement_policy=fifo --discard \
    --cset-uuid 0b0f1a4e-0800-4000-8000-000000000001 "$C"
make-bcache --bdev --block 4k --data-offset 2048 "$A"
make-bcache --bdev --block 4k "$(part "$B" 1)"
make-bcache --bdev --block 4k "$D"
udevadm settle
set=/sys/fs/bcache/0b0f1a4e-0800-4000-8000-000000000001
for device in "$C" "$A" "$(part "$B" 1)" "$D"; do register "$device"; done
await "$set"
attached() {
    sys=/sys/class/block/${1##*/}/bcache
    await "$sys/attach"
    echo 0b0f1a4e-0800-4000-8000-000000000001 >"$sys/attach"
    await "$sys/cache"
}
attached "$A"
echo writeback >"$sys/cache_mode"
echo pages >"$sys/label"
echo 0 >"$sys/writeback_running"
bcacheA=$(realpath "$sys/dev")
attached "$(part "$B" 1)"
echo writearound >"$sys/cache_mode"
bcacheB=$(realpath "$sys/dev")
attached "$D"
echo 1 >"$sys/detach"
bcacheD=$(realpath "$sys/dev")
for _ in $(seq 100); do [ -e "$sys/cache" ] || break; sleep 0.1; done
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0801-4000-8000-000000000001 "/dev/${bcacheA##*/}"
mkfs.xfs -q -m uuid=0b0f1a4e-0801-4000-8000-000000000002 "/dev/${bcacheB##*/}" ||
    mkfs.ext4 -q -U 0b0f1a4e-0801-4000-8000-000000000002 "/dev/${bcacheB##*/}"
mkfs.ext4 -q -U 0b0f1a4e-0801-4000-8000-000000000003 "/dev/${bcacheD##*/}"
mkdir -p /mnt/pages
mount "/dev/${bcacheA##*/}" /mnt/pages
dd if=/dev/urandom of=/mnt/pages/data bs=64k count=32 conv=fsync
udevadm settle
