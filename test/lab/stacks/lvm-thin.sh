# Thin volumes, a snapshot of one, and a plain volume beside them; one physical volume is a whole disk.
# disks: A=512M B=512M:virtio
set -eux
echo 'type=E6D6D379-F507-44C2-A23C-238F2A3DF928' | sfdisk --quiet --wipe always --label gpt "$A"
udevadm settle
pvcreate --quiet "$(part "$A" 1)" "$B"
vgcreate --quiet --physicalextentsize 8m --addtag tier:fast thin "$(part "$A" 1)" "$B"
lvcreate --quiet --wipesignatures n --size 128m --name plain --addtag daily thin
lvcreate --quiet --type thin-pool --size 256m --chunksize 128k --poolmetadatasize 8m --name pool thin
lvcreate --quiet --thin --virtualsize 2g --name data thin/pool
mkfs.xfs -q -m uuid=0b0f1a4e-0300-4000-8000-000000000002 /dev/thin/data
lvcreate --quiet --snapshot --name monday thin/data
mkfs.ext4 -q -U 0b0f1a4e-0300-4000-8000-000000000003 /dev/thin/plain
mkdir -p /mnt/data
mount /dev/thin/data /mnt/data
