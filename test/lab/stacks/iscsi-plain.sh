# A disk of iSCSI, by one portal and with CHAP, with a filesystem that fstab mounts; and a record of a portal that nobody has logged in to.
# disks: A=64M
set -eux
modprobe iscsi_tcp
printf 'InitiatorName=iqn.2026-11.org.lab:host\n' > /etc/iscsi/initiatorname.iscsi
tgtd
timeout 60 sh -c 'until tgtadm --lld iscsi --op show --mode target; do sleep 0.2; done'
tgt() { tgtadm --lld iscsi --op "$1" --mode "$2" "${@:3}"; }
truncate -s 64M /run/lun
tgt new target --tid 1 --targetname iqn.2026-11.org.lab:data
tgt new logicalunit --tid 1 --lun 1 --backing-store /run/lun
tgt bind target --tid 1 --initiator-address ALL
tgt new account --user lab --password not-to-be-seen-1234
tgt bind account --tid 1 --user lab
iscsid
timeout 60 sh -c 'until iscsiadm -m discovery -t sendtargets -p 127.0.0.1; do sleep 0.5; done'
iscsiadm -m discovery -t sendtargets -p 127.0.0.2
node() { iscsiadm -m node -T iqn.2026-11.org.lab:data -p 127.0.0.1 "$@"; }
node --op update --name node.startup --value automatic
node --op update --name node.session.auth.authmethod --value CHAP
node --op update --name node.session.auth.username --value lab
node --op update --name node.session.auth.password --value not-to-be-seen-1234
node --op update --name node.session.timeo.replacement_timeout --value 60
node --login
timeout 60 sh -c 'until lsblk -dnro NAME,VENDOR | grep -q IET; do sleep 0.2; done'
udevadm settle
disk=/dev/$(lsblk -dnro NAME,VENDOR | awk '/IET/ { print $1 }')
mkfs.ext4 -q -U 0b0f1a4e-0802-4000-8000-000000000001 "$disk"
mkdir -p /mnt/data
echo 'UUID=0b0f1a4e-0802-4000-8000-000000000001 /mnt/data ext4 _netdev 0 2' > /etc/fstab
mount /mnt/data
