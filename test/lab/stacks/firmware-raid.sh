# Containers of firmware RAID: IMSM with a mirror that has partitions, a stripe set and a spare; DDF with a mirror.
# disks: A=128M B=128M C=128M D=128M E=128M
set -eux
export IMSM_NO_PLATFORM=1
mdadm --create /dev/md/imsm0 --run --metadata=imsm --raid-devices=2 "$A" "$B"
udevadm settle
mdadm --create /dev/md/mirror --run --level=1 --raid-devices=2 --size=40M /dev/md/imsm0
udevadm settle
mdadm --create /dev/md/fast --run --level=0 --raid-devices=2 --chunk=64 /dev/md/imsm0
udevadm settle
mdadm --create /dev/md/ddf0 --run --metadata=ddf --raid-devices=2 "$C" "$D"
udevadm settle
mdadm --create /dev/md/other --run --level=1 --raid-devices=2 /dev/md/ddf0
udevadm settle
mdadm --add /dev/md/imsm0 "$E"
udevadm settle
printf 'label: gpt\nlabel-id: 0b0f1a4e-0510-4000-8000-000000000011\nsize=24M, uuid=0b0f1a4e-0510-4000-8000-000000000012\nuuid=0b0f1a4e-0510-4000-8000-000000000013\n' |
  sfdisk --quiet /dev/md/mirror
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0510-4000-8000-000000000001 "$(part "$(realpath /dev/md/mirror)" 1)"
mkfs.ext4 -q -U 0b0f1a4e-0510-4000-8000-000000000002 /dev/md/other
# As after a start: what udev sees on a member then.
udevadm trigger --subsystem-match=block --action=change
udevadm settle
