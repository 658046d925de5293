# A disk over two paths that was named by multipath itself, with a partition table and filesystems on it; one of the paths has failed.
# disks: A=64M
set -eux
cat > /etc/multipath.conf <<'END'
defaults {
    user_friendly_names yes
    find_multipaths no
}
blacklist {
    device {
        vendor "QEMU"
    }
}
END
modprobe scsi_debug dev_size_mb=96 vpd_use_hostno=0 add_host=2
udevadm settle
modprobe dm-multipath
multipathd
timeout 60 sh -c 'until [ -e /dev/mapper/mpatha ]; do sleep 0.2; done'
udevadm settle
sfdisk --quiet --no-reread --no-tell-kernel /dev/mapper/mpatha <<END
label: gpt
label-id: 0b0f1a4e-0801-4000-8000-000000000000
start=2048, size=65536, uuid=0b0f1a4e-0801-4000-8000-000000000001, name=boot
uuid=0b0f1a4e-0801-4000-8000-000000000002, type=swap
END
# As the rule of udev names them, which may come first.
kpartx -a -s -p -part /dev/mapper/mpatha
udevadm settle
mkfs.ext4 -q -U 0b0f1a4e-0801-4000-8000-000000000003 /dev/mapper/mpatha-part1
mkswap -U 0b0f1a4e-0801-4000-8000-000000000004 /dev/mapper/mpatha-part2 > /dev/null
udevadm settle
mkdir -p /mnt/boot
mount /dev/mapper/mpatha-part1 /mnt/boot
# The one that is not in use, so that the other goes on.
idle=$(dmsetup status mpatha | sed 's/.* E 0 1 [0-9]* \([0-9:]*\) .*/\1/')
echo offline > "/sys/dev/block/$idle/device/state"
dmsetup message mpatha 0 "fail_path $idle"
