# Filesystems of other systems.
# disks: A=1G
set -eux
sfdisk --quiet --wipe always "$A" <<END
label: gpt
size=131072, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
size=131072, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
size=131072, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
size=131072, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
size=131072, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
type=0FC63DAF-8483-4772-8E79-3D69D8477DE4
END
udevadm settle
mkfs.exfat -n CARD "$(part "$A" 1)"
mkfs.exfat -c 64K -b 4M "$(part "$A" 2)"
mkntfs --quick --quiet --cluster-size 8192 --label windows --partition-start 2048 --heads 255 --sectors-per-track 63 "$(part "$A" 3)"
mkfs.jfs -q -L other "$(part "$A" 4)"
mkfs.jfs -q -O -s 2 "$(part "$A" 5)"
mkntfs --quick --quiet --with-uuid --sector-size 4096 "$(part "$A" 6)"
udevadm settle
mkdir -p /mnt/card /mnt/other
mount "$(part "$A" 1)" /mnt/card
mount "$(part "$A" 4)" /mnt/other
