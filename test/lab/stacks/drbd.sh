# DRBD without a peer: a primary with its metadata beside its data, one with metadata elsewhere, and a secondary.
# disks: A=96M B=96M:virtio C=64M D=128M
set -eux
modprobe drbd
hostname alpha
vgcreate lower "$D"
lvcreate --wipesignatures n --size 64m --name data lower
echo 'label: gpt, size=32M, size=32M' | tr ',' '\n' | sfdisk --quiet "$C"
udevadm settle
cat >/etc/drbd.d/pair.res <<END
resource pair {
  protocol C;
  net {
    cram-hmac-alg sha1;
    shared-secret "canary-of-the-shared-secret";
    max-buffers 4000;
  }
  disk { resync-rate 7M; on-io-error detach; }
  on alpha {
    address 10.9.0.1:7790;
    volume 0 { device /dev/drbd1 minor 1; disk $A; meta-disk internal; }
    volume 1 { device /dev/drbd2 minor 2; disk $B; meta-disk $(part "$C" 1); }
  }
  on beta {
    address 10.9.0.2:7790;
    volume 0 { device /dev/drbd1 minor 1; disk /dev/sdx; meta-disk internal; }
    volume 1 { device /dev/drbd2 minor 2; disk /dev/sdy; meta-disk /dev/sdz1; }
  }
}
END
cat >/etc/drbd.d/other.res <<END
resource other {
  protocol A;
  device /dev/drbd7 minor 7;
  meta-disk internal;
  on alpha { address 10.9.0.1:7791; disk /dev/lower/data; }
  on beta { address 10.9.0.2:7791; disk /dev/sdq; }
}
END
ip link add wire type dummy
ip address add 10.9.0.1/24 dev wire
ip link set wire up
drbdadm create-md --force all
drbdadm up all
drbdadm primary --force pair
mkfs.ext4 -q -U 0b0f1a4e-0900-4000-8000-000000000001 /dev/drbd1
mkfs.ext4 -q -U 0b0f1a4e-0900-4000-8000-000000000002 /dev/drbd2
mkdir -p /mnt/pair
mount /dev/drbd1 /mnt/pair
udevadm settle
