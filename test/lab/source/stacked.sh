# Carried out in the builder machine: moves the system of the disk $SYSTEM to two disks, $A and $B. On both a BIOS boot partition and a mirror
# of each: the ESP, /boot, and a volume group with root, /var as xfs, btrfs of which two subvolumes are mounted, LUKS, and swap.
set -eux
part() { case $1 in *[0-9]) echo "$1p$2" ;; *) echo "$1$2" ;; esac; }
id() { printf 'a1b2c3d4-0000-4000-8000-0000000000%s' "$1"; }
for disk in "$A" "$B"; do
  sfdisk --quiet --wipe always --label gpt "$disk" <<'END'
size=1M, type=21686148-6449-6E6F-744E-656564454649
size=64M, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
size=300M, type=A19D880F-05FC-4D3B-A006-743F0F84911E
type=A19D880F-05FC-4D3B-A006-743F0F84911E
END
done
udevadm settle
mirror() {
  mdadm --create "/dev/md/$1" --run --assume-clean --level=1 --raid-devices=2 --metadata="$3" --name="$1" --homehost=lifeboat-lab \
    --uuid="a1b2c3d4:00000000:80000000:0000000$2" "$(part "$A" "$2")" "$(part "$B" "$2")"
}
mirror esp 2 1.0
mirror boot 3 1.2
mirror system 4 1.2
udevadm settle
vgcreate --quiet system /dev/md/system
create() { lvcreate --quiet --wipesignatures n --size "$2" --name "$1" system; }
create root 1500m; create var 700m; create data 400m; create secret 64m; create swap 128m
mkfs.vfat -F 32 -i A1B20001 -n ESP /dev/md/esp
mkfs.ext4 -q -L boot -U "$(id 02)" /dev/md/boot
mkfs.ext4 -q -L root -U "$(id 03)" /dev/system/root
mkfs.xfs -q -L var -m uuid="$(id 04)" /dev/system/var
mkfs.btrfs -q -L data -U "$(id 05)" /dev/system/data
mkswap --quiet --label swap --uuid "$(id 06)" /dev/system/swap
head -c 512 /dev/urandom > /run/keyfile
cryptsetup luksFormat --batch-mode --type luks2 --uuid "$(id 07)" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /run/keyfile \
  /dev/system/secret
printf 'open sesame' > /run/passphrase
cryptsetup luksAddKey --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /run/keyfile /dev/system/secret /run/passphrase
cryptsetup open --key-file /run/keyfile /dev/system/secret secret
mkfs.ext4 -q -L secret -U "$(id 08)" /dev/mapper/secret

mkdir /old /new
mount -o ro,noload "$(part "$SYSTEM" 3)" /old
mount /dev/system/root /new
mkdir -p /new/boot /new/var /new/home /new/srv /new/secret
mount /dev/md/boot /new/boot
mkdir /new/boot/efi
mount /dev/md/esp /new/boot/efi
mount /dev/system/var /new/var
mkdir /top
mount /dev/system/data /top
btrfs subvolume create /top/@home
btrfs subvolume create /top/@srv
btrfs subvolume create /top/@srv/nested
echo nested > /top/@srv/nested/file
echo before > /top/@srv/changed
btrfs subvolume snapshot -r /top/@srv /top/@srv/before
echo after > /top/@srv/changed
umount /top
mount -o subvol=@home /dev/system/data /new/home
mount -o subvol=@srv /dev/system/data /new/srv
mount /dev/mapper/secret /new/secret
echo 'nobody reads this' > /new/secret/letter
tar -C /old --xattrs --xattrs-include='*' --acls --sparse --one-file-system -cf - . | tar -C /new --xattrs --xattrs-include='*' --acls -xpf -

cp /run/keyfile /new/etc/keyfile
chmod 400 /new/etc/keyfile
echo "secret UUID=$(id 07) /etc/keyfile luks" > /new/etc/crypttab
cat > /new/etc/fstab <<END
UUID=$(id 03) / ext4 errors=remount-ro 0 1
UUID=$(id 02) /boot ext4 defaults 0 2
UUID=A1B2-0001 /boot/efi vfat umask=0077 0 1
UUID=$(id 04) /var xfs defaults 0 2
UUID=$(id 05) /home btrfs subvol=@home,noatime 0 0
UUID=$(id 05) /srv btrfs subvol=@srv 0 0
/dev/mapper/secret /secret ext4 noatime 0 2
UUID=$(id 06) none swap sw 0 0
END
for name in dev proc sys run; do mount --rbind "/$name" "/new/$name"; done
inside() { env -i LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin chroot /new "$@"; }
inside /usr/share/mdadm/mkconf > /new/etc/mdadm/mdadm.conf.new
mv /new/etc/mdadm/mdadm.conf.new /new/etc/mdadm/mdadm.conf
inside update-initramfs -u -k all
inside grub-install --target=i386-pc "$A"
inside grub-install --target=i386-pc "$B"
inside grub-install --target=x86_64-efi --uefi-secure-boot --no-nvram --force-extra-removable
inside update-grub
umount --recursive /new
umount /old
cryptsetup close secret
vgchange -an system
mdadm --stop /dev/md/esp /dev/md/boot /dev/md/system
