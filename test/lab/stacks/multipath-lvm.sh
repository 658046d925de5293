# A disk of a storage system over two paths, with an alias of its own and a group of LVM on it; the disk of the machine itself is left alone.
# disks: A=64M
set -eux
cat > /etc/multipath.conf <<'END'
defaults {
    find_multipaths no
}
blacklist {
    device {
        vendor "QEMU"
    }
}
devices {
    device {
        vendor "Linux"
        product "scsi_.*"
        path_selector "round-robin 0"
    }
}
overrides {
    no_path_retry queue
}
END
modprobe scsi_debug dev_size_mb=96 vpd_use_hostno=0 add_host=2
udevadm settle
path=$(lsblk -dnpo NAME,MODEL | awk '/scsi_debug/ { print $1; exit }')
wwid=$(udevadm info --query=property --name="$path" | sed -n 's/^ID_SERIAL=//p')
cat >> /etc/multipath.conf <<END
multipaths {
    multipath {
        wwid "$wwid"
        alias files
    }
}
END
modprobe dm-multipath
multipathd
timeout 60 sh -c 'until [ -e /dev/mapper/files ]; do sleep 0.2; done'
udevadm settle
vgcreate --quiet san /dev/mapper/files
lvcreate --quiet --wipesignatures n --size 32m --name data san
mkfs.ext4 -q -U 0b0f1a4e-0800-4000-8000-000000000001 /dev/san/data
mkfs.ext4 -q -U 0b0f1a4e-0800-4000-8000-000000000002 "$A"
mkdir -p /mnt/data
mount /dev/san/data /mnt/data
