# Two volume groups with settings of their own: linear and striped volumes in pieces, tags, a fixed minor number, swap.
# disks: A=256M B=256M:virtio C=256M:nvme D=256M
set -eux
pvcreate --quiet --uuid 0b0f1a-0400-4000-8000-0000-0000-000001 --norestorefile --pvmetadatacopies 2 --metadatasize 2m --dataalignment 4m "$A"
pvcreate --quiet --uuid 0b0f1a-0400-4000-8000-0000-0000-000002 --norestorefile --bootloaderareasize 1m "$B"
pvcreate --quiet --uuid 0b0f1a-0400-4000-8000-0000-0000-000003 --norestorefile --metadataignore y "$C"
vgcreate --quiet --physicalextentsize 1m --maxlogicalvolumes 20 --maxphysicalvolumes 9 --alloc cling --vgmetadatacopies 2 --addtag site=north --addtag backup data "$A" "$B" "$C"
pvchange --quiet --addtag slow "$A"
pvchange --quiet --allocatable n "$C"
lvcreate --quiet --wipesignatures n --size 40m --name in-pieces --addtag daily data "$A"
lvcreate --quiet --wipesignatures n --size 20m --name between --contiguous y --readahead 256 data "$A"
lvextend --quiet --size +30m data/in-pieces "$A" "$B"
lvextend --quiet --alloc normal --size +10m data/in-pieces "$B"
pvchange --quiet --allocatable y "$C"
lvcreate --quiet --wipesignatures n --type striped --stripes 3 --stripesize 128k --size 48m --name striped data
pvchange --quiet --allocatable n "$C"
lvcreate --quiet --wipesignatures n --size 8m --name fixed --persistent y --major 253 --minor 77 data
lvcreate --quiet --wipesignatures n --size 8m --name asleep --setactivationskip y data
lvcreate --quiet --wipesignatures n --size 16m --name swap.space_1+x data
vgcreate --quiet other "$D"
lvcreate --quiet --wipesignatures n --extents 100%FREE --name all --permission r other
mkfs.ext4 -q -U 0b0f1a4e-0400-4000-8000-000000000004 /dev/data/in-pieces
mkfs.xfs -q -f -m uuid=0b0f1a4e-0400-4000-8000-000000000005 -d size=40m /dev/data/striped || mkfs.ext4 -q -F -U 0b0f1a4e-0400-4000-8000-000000000005 /dev/data/striped
mkswap --uuid 0b0f1a4e-0400-4000-8000-000000000006 /dev/data/swap.space_1+x
swapon /dev/data/swap.space_1+x
mkdir -p /mnt/pieces
mount /dev/data/in-pieces /mnt/pieces
