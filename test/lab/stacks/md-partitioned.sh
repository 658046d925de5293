# Mirrors with partitions, whose members end with the metadata and so begin with the same table.
# disks: A=96M B=96M C=96M:virtio D=96M:virtio
set -eux
new() { mdadm --create "/dev/md/$1" --run --assume-clean --level=1 --raid-devices=2 --bitmap=none --metadata="$2" --uuid="0b0f1a4e:05200000:00000000:0000000$3" "${@:4}"; }
new late 1.0 1 --homehost=builder "$A" "$B"
new old 0.90 2 "$C" "$D"
udevadm settle
for name in late old; do
  printf 'label: dos\nlabel-id: 0x0520000%s\nsize=32M\n\n' "${#name}" | sfdisk --quiet "/dev/md/$name"
  udevadm settle
done
mkfs.ext4 -q -U 0b0f1a4e-0520-4000-8000-000000000001 "$(part "$(realpath /dev/md/late)" 1)"
mkswap -U 0b0f1a4e-0520-4000-8000-000000000002 "$(part "$(realpath /dev/md/old)" 1)"
# As after a start: what udev sees on a member then.
udevadm trigger --subsystem-match=block --action=change
udevadm settle
