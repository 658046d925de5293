# What nobody knows: noise, signatures that no handler takes, two signatures at once, and devices of unusual kinds.
# disks: A=512M B=64M C=64M
set -eux
sfdisk --quiet --wipe always "$A" <<END
label: gpt
size=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
size=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
size=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
size=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
size=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
udevadm settle
# Noise, the same each time.
noise() { seq 1 60000 | gzip -n | tail -c +20 | dd of="$1" bs=64K conv=notrunc status=none; }
noise "$(part "$A" 1)"
printf 'ORCLDISK' | dd of="$(part "$A" 2)" bs=1 seek=32 conv=notrunc status=none
# The header of a volume of VMFS, of which nothing follows.
printf '\x0d\xd0\x01\xc0' | dd of="$(part "$A" 3)" bs=1 seek=1048576 conv=notrunc status=none
# Two at once: ext4 leaves alone what stands in the first sectors.
mkfs.xfs -q -m uuid=0b0f1a4e-0608-4000-8000-000000000001 "$(part "$A" 6)"
dd if="$(part "$A" 6)" of=/tmp/first bs=512 count=1 status=none
mkfs.ext4 -q -F -U 0b0f1a4e-0608-4000-8000-000000000003 "$(part "$A" 6)"
dd if=/tmp/first of="$(part "$A" 6)" bs=512 count=1 conv=notrunc status=none
mke2fs -q -O journal_dev -U 0b0f1a4e-0608-4000-8000-000000000002 "$(part "$A" 5)"
noise "$B"
sectors=$(blockdev --getsz "$C")
echo "0 $sectors linear $C 0" | dmsetup create odd
noise /dev/mapper/odd
modprobe null_blk nr_devices=1 gb=1
# What udev saw before the first sectors came back does not count.
udevadm trigger --settle --subsystem-match=block
