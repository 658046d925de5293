# A group of which one of three disks has lost its first MiB, with the header of LVM: a RAID 1 that goes on, a volume that lies half on the lost one, and one beside it.
# disks: A=256M B=256M C=256M:virtio
set -eux
vgcreate --quiet torn "$A" "$B" "$C"
lvcreate --quiet --type raid1 --mirrors 1 --nosync --yes --wipesignatures n --size 32m --name safe torn "$A" "$B"
lvcreate --quiet --wipesignatures n --size 300m --name half torn "$A" "$B"
lvcreate --quiet --wipesignatures n --size 16m --name whole torn "$C"
mkfs.ext4 -q -U 0b0f1a4e-0404-4000-8000-000000000001 /dev/torn/safe
mkfs.ext4 -q -U 0b0f1a4e-0404-4000-8000-000000000002 /dev/torn/whole
vgchange --quiet --activate n torn
dd if=/dev/zero of="$B" bs=1M count=1 conv=notrunc,fsync status=none
udevadm settle
vgchange --quiet --activate y torn || true
vgchange --quiet --activate y --activationmode degraded torn || true
