# Volumes of the types raid0, raid1, raid5, raid6, raid10 and mirror, with filesystems that show on their images too.
# disks: A=512M B=512M C=512M:virtio D=512M:virtio E=512M
set -eux
vgcreate --quiet raids "$A" "$B" "$C" "$D" "$E"
make() { lvcreate --quiet --wipesignatures n --nosync --yes --size 32m "$@" raids; }
make --type raid1 --mirrors 1 --regionsize 1m --name one --minrecoveryrate 128 --maxrecoveryrate 4096
make --type raid5 --stripes 2 --stripesize 16k --name five
lvcreate --quiet --wipesignatures n --type raid6 --stripes 3 --stripesize 32k --size 36m --name six raids
make --type raid10 --mirrors 1 --stripes 2 --stripesize 64k --name ten
lvcreate --quiet --wipesignatures n --yes --size 32m --type raid0 --stripes 3 --stripesize 8k --name zero raids
lvcreate --quiet --wipesignatures n --yes --size 32m --type raid0_meta --stripes 2 --name zerometa raids
make --type mirror --mirrors 2 --regionsize 512k --name old
make --type mirror --mirrors 1 --mirrorlog core --name core
lvchange --quiet --writemostly "$B" --writebehind 512 raids/one
mkfs.ext4 -q -U 0b0f1a4e-0401-4000-8000-000000000001 /dev/raids/one
mkfs.ext4 -q -U 0b0f1a4e-0401-4000-8000-000000000002 /dev/raids/old
mkfs.xfs -q -m uuid=0b0f1a4e-0401-4000-8000-000000000003 /dev/raids/ten || mkfs.ext4 -q -F -U 0b0f1a4e-0401-4000-8000-000000000003 /dev/raids/ten
mkdir -p /mnt/one
mount /dev/raids/one /mnt/one
