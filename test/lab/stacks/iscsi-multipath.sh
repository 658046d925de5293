# A disk of iSCSI over two portals, which multipath has joined and named, with LVM on it.
# disks: A=64M
set -eux
modprobe -a iscsi_tcp dm-multipath
printf 'InitiatorName=iqn.2026-11.org.lab:host\n' > /etc/iscsi/initiatorname.iscsi
tgtd
timeout 60 sh -c 'until tgtadm --lld iscsi --op show --mode target; do sleep 0.2; done'
tgt() { tgtadm --lld iscsi --op "$1" --mode "$2" "${@:3}"; }
truncate -s 128M /run/lun
tgt new target --tid 1 --targetname iqn.2026-11.org.lab:data
tgt new logicalunit --tid 1 --lun 1 --backing-store /run/lun
tgt bind target --tid 1 --initiator-address ALL
cat > /etc/multipath.conf <<'END'
defaults {
    user_friendly_names yes
    find_multipaths yes
    path_grouping_policy multibus
    no_path_retry 6
}
blacklist {
    device {
        vendor "QEMU"
    }
}
END
multipathd
iscsid
timeout 60 sh -c 'until iscsiadm -m discovery -t sendtargets -p 127.0.0.1; do sleep 0.5; done'
iscsiadm -m discovery -t sendtargets -p 127.0.0.2
iscsiadm -m node --op update --name node.startup --value automatic
iscsiadm -m node --login
timeout 60 sh -c 'until [ -e /dev/mapper/mpatha ]; do sleep 0.2; done'
timeout 60 sh -c 'until [ "$(dmsetup deps mpatha | cut -d " " -f 1)" = 2 ]; do sleep 0.2; done'
udevadm settle
vgcreate --quiet san /dev/mapper/mpatha
lvcreate --quiet --wipesignatures n --size 64m --name data san
mkfs.ext4 -q -U 0b0f1a4e-0803-4000-8000-000000000001 /dev/san/data
mkdir -p /mnt/data
mount /dev/san/data /mnt/data
