# A mirror of two disks as installers make it: LUKS on a RAID 1 of partitions, a volume group in it with ext4, xfs, btrfs and swap.
# disks: A=1G B=1G:virtio
set -eux
for disk in "$A" "$B"; do
  sfdisk --quiet --wipe always --label gpt "$disk" <<'END'
size=64M, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
type=A19D880F-05FC-4D3B-A006-743F0F84911E
END
done
udevadm settle
mkfs.vfat -i 06010001 -n ESP "$(part "$A" 1)"
mdadm --create /dev/md/system --run --assume-clean --level=1 --raid-devices=2 --metadata=1.2 --name=system --homehost=builder \
  --bitmap=internal --uuid=0b0f1a4e:06010000:80000000:00000001 "$(part "$A" 2)" "$(part "$B" 2)"
udevadm settle
key() { printf secret; }
key | cryptsetup luksFormat --batch-mode --type luks2 --uuid 0b0f1a4e-0601-4000-8000-000000000002 --pbkdf pbkdf2 \
  --pbkdf-force-iterations 1000 --key-file - /dev/md/system
key | cryptsetup open --key-file - /dev/md/system crypt
vgcreate --quiet system /dev/mapper/crypt
lvcreate --quiet --wipesignatures n --size 128m --name root system
lvcreate --quiet --wipesignatures n --size 320m --name data system
lvcreate --quiet --wipesignatures n --size 160m --name home system
lvcreate --quiet --wipesignatures n --size 64m --name swap system
mkfs.ext4 -q -L root -U 0b0f1a4e-0601-4000-8000-000000000003 /dev/system/root
mkfs.xfs -q -L data -m uuid=0b0f1a4e-0601-4000-8000-000000000004 /dev/system/data
mkfs.btrfs -q -L home -U 0b0f1a4e-0601-4000-8000-000000000005 /dev/system/home
mkswap --quiet --label swap --uuid 0b0f1a4e-0601-4000-8000-000000000006 /dev/system/swap
mkdir -p /mnt/root
mount /dev/system/root /mnt/root
mkdir -p /mnt/root/data /mnt/root/home
mount /dev/system/data /mnt/root/data
mount /dev/system/home /mnt/root/home
for place in /mnt/root /mnt/root/data /mnt/root/home; do echo "this is $place" >"$place/witness"; done
swapon /dev/system/swap
echo 'crypt UUID=0b0f1a4e-0601-4000-8000-000000000002 none luks' >/etc/crypttab
