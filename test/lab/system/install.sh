#!/bin/bash
# install.sh WORK UUID IMAGE OFFSET BYTES: Debian's archives become the root filesystem of a system, in a part of an image.
#
# It runs as root of namespaces of its own: nobody else sees its mounts and processes, there is no network, and the tree, in memory, is
# gone with them. WORK has `essential` and `others`, lists of archives, and `files`, a tree of our own.
set -eu
PATH=$PATH:/usr/sbin:/sbin
work=$1 uuid=$2 image=$3 offset=$4 bytes=$5

tree=$work/tree
mkdir "$tree"
mount -t tmpfs -o mode=0755 tmpfs "$tree"
mkdir -p "$tree"/{proc,dev,archives} "$tree"/usr/{bin,sbin,lib,lib64}
for name in bin sbin lib lib64; do ln -s "usr/$name" "$tree/$name"; done

# So much that the maintainers' scripts can run.
xargs -d '\n' -n 1 dpkg-deb --fsys-tarfile < "$work/essential" |
  tar -xi --keep-directory-symlink --exclude='./usr/share/'{doc,man,info,locale,lintian} -C "$tree"
cp -r "$work/files/." "$tree"
mount -t proc -o ro proc "$tree/proc"
nodes=(dev/{null,zero,full,random,urandom,tty})
for node in "${nodes[@]}"; do
  : > "$tree/$node"
  mount --bind "/$node" "$tree/$node"
done
ln -s /proc/self/fd "$tree/dev/fd"
cat "$work/essential" "$work/others" | xargs -d '\n' cp -t "$tree/archives"
# No service is started in here.
printf '#!/bin/sh\nexit 101\n' > "$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
: > "$tree/var/lib/dpkg/status"

inside() {
  env -i LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    INITRD="${INITRD-}" setpriv --bounding-set=-sys_admin,-sys_module,-sys_rawio,-sys_time,-sys_boot,-net_admin \
    chroot "$tree" "$@" < /dev/null
}
install_all() {
  sed 's,.*/,/archives/,' "$1" > "$tree/archives/list"
  inside xargs -d '\n' -a /archives/list dpkg --force-unsafe-io,confold,depends --unpack
  inside dpkg --force-unsafe-io,confold,depends --configure --pending
}
install_all "$work/essential"
# The initial filesystem, whose type cannot be asked for here, is made once, when all is there.
INITRD=No install_all "$work/others"
inside env FSTYPE=ext4 update-initramfs -c -k all

umount "$tree/proc" "${nodes[@]/#/$tree/}"
rm -rf "$tree"/{archives,tmp,run,dev}/{*,.[!.]*} "$tree/usr/sbin/policy-rc.d"
rm -rf "$tree"/var/{log,cache}/{apt,debconf,ldconfig,dpkg.log,alternatives.log,bootstrap.log} "$tree"/var/lib/apt/lists
find "$tree"/{boot,etc,var/cache,var/lib} -name '*-old' -delete
mke2fs -q -t ext4 -U "$uuid" -E "hash_seed=$uuid,offset=$offset,nodiscard,lazy_itable_init=1" -L root -d "$tree" "$image" "$((bytes / 1024))k"
