# LVM on a cached disk; and a disk with data that was in a cache alone, which has gone.
# disks: A=128M B=64M C=96M D=64M
set -eux
modprobe bcache
register() { echo "$1" >/sys/fs/bcache/register; }
await() {
    for _ in $(seq 100); do eval "$1" || { sleep 0.1 && continue; } && return 0; done
    return 1
}
make-bcache --cache --bucket 64k --cset-uuid 0b0f1a4e-0800-4000-8000-000000000002 "$B"
make-bcache --cache --bucket 64k --cset-uuid 0b0f1a4e-0800-4000-8000-000000000003 "$D"
make-bcache --bdev "$A"
make-bcache --bdev --writeback "$C"
udevadm settle
for device in "$A" "$B" "$C" "$D"; do register "$device"; done
attach() {
    sys=/sys/class/block/${1##*/}/bcache
    set=$2
    await '[ -e "/sys/fs/bcache/$set" ] && [ -e "$sys/attach" ]'
    echo "$set" >"$sys/attach"
    await '[ -e "$sys/cache" ]'
    made=$(realpath "$sys/dev")
    made=/dev/${made##*/}
}
attach "$A" 0b0f1a4e-0800-4000-8000-000000000002
vgcreate fast "$made"
lvcreate --wipesignatures n --size 64m --name files fast
mkfs.ext4 -q -U 0b0f1a4e-0801-4000-8000-000000000004 /dev/fast/files
attach "$C" 0b0f1a4e-0800-4000-8000-000000000003
echo 0 >"$sys/writeback_running"
dd if=/dev/urandom "of=$made" bs=64k count=32 oflag=direct
echo 1 >/sys/fs/bcache/0b0f1a4e-0800-4000-8000-000000000003/stop
await '[ ! -e /sys/fs/bcache/0b0f1a4e-0800-4000-8000-000000000003 ]'
[ ! -e "$made" ] || { echo 1 >"/sys/block/${made##*/}/bcache/stop" && await '[ ! -e "$made" ]'; }
dd if=/dev/zero "of=$D" bs=4096 count=2 conv=fsync
udevadm trigger --settle --action=change --subsystem-match=block
