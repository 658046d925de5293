# Disks with sectors of 4096 bytes: tables and filesystems count in these.
# disks: A=1G:scsi:4096 B=512M:nvme:4096
set -eux
sfdisk --quiet --wipe always "$A" <<END
label: gpt
label-id: 0B0F1A4E-0604-4000-8000-000000000100
start=256, size=81920, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=0B0F1A4E-0604-4000-8000-000000000101, name="ESP"
size=81920, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=0B0F1A4E-0604-4000-8000-000000000102
size=16384, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, uuid=0B0F1A4E-0604-4000-8000-000000000103
END
udevadm settle
mkfs.vfat -F 32 -i 06040001 -n ESP "$(part "$A" 1)"
mkfs.xfs -q -m uuid=0b0f1a4e-0604-4000-8000-000000000001 "$(part "$A" 2)"
mkswap -U 0b0f1a4e-0604-4000-8000-000000000002 "$(part "$A" 3)"
mkfs.ext4 -q -U 0b0f1a4e-0604-4000-8000-000000000003 "$B"
udevadm settle
mkdir -p /mnt/esp /mnt/data /mnt/whole
mount "$(part "$A" 1)" /mnt/esp
mount "$(part "$A" 2)" /mnt/data
mount "$B" /mnt/whole
