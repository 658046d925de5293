# A disk of 3 TiB, with one partition that reaches over 2 TiB and one that begins behind it.
# disks: A=3T
set -eux
sfdisk --quiet --wipe always "$A" <<END
label: gpt
label-id: 0B0F1A4E-0605-4000-8000-000000000100
start=2048, size=5368709120, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=0B0F1A4E-0605-4000-8000-000000000101
size=1048576, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=0B0F1A4E-0605-4000-8000-000000000102
END
udevadm settle
mkfs.xfs -q -K -l size=64m -m uuid=0b0f1a4e-0605-4000-8000-000000000001 "$(part "$A" 1)"
mkfs.ext4 -q -E nodiscard -U 0b0f1a4e-0605-4000-8000-000000000002 "$(part "$A" 2)"
udevadm settle
mkdir -p /mnt/large /mnt/behind
mount "$(part "$A" 1)" /mnt/large
mount "$(part "$A" 2)" /mnt/behind
