# dm-integrity by itself: with a journal and LVM on it, with a key, with a bitmap, and two that are closed.
# disks: A=96M B=96M:virtio C=96M D=96M E=96M
set -eux
mkdir -p /etc/keys
printf 'canary-of-the-integrity-key-0123' >/etc/keys/tags.key
integritysetup format --batch-mode --no-wipe --sector-size 4096 --journal-size 4194304 "$A"
integritysetup open --journal-commit-time 5000 --buffer-sectors 64 "$A" plain
integritysetup format --batch-mode --no-wipe --integrity hmac-sha256 --tag-size 32 --integrity-key-size 32 \
    --integrity-key-file /etc/keys/tags.key "$B"
integritysetup open --integrity hmac-sha256 --integrity-key-size 32 --integrity-key-file /etc/keys/tags.key "$B" keyed
integritysetup format --batch-mode --no-wipe --integrity sha256 --integrity-bitmap-mode "$C"
integritysetup open --integrity sha256 --integrity-bitmap-mode "$C" mapped
integritysetup format --batch-mode --no-wipe --interleave-sectors 16384 "$D"
integritysetup format --batch-mode --no-wipe --tag-size 4 "$E"
cat >/etc/integritytab <<END
plain   $(echo /dev/disk/by-id/scsi-*A)  -                   -
keyed   /dev/disk/by-id/virtio-B         /etc/keys/tags.key  integrity-algorithm=hmac-sha256
closed  $(echo /dev/disk/by-id/scsi-*D)  -                   noauto
END
for name in plain keyed mapped; do dd if=/dev/zero of=/dev/mapper/$name bs=1M oflag=direct || true; done
mkfs.ext4 -q -U 0b0f1a4e-0b00-4000-8000-000000000001 /dev/mapper/keyed
vgcreate safe /dev/mapper/plain
lvcreate --wipesignatures n --size 16m --name files safe
udevadm settle
