/** Which files of the unpacked packages go into the rescue system: all but what nothing in it ever reads. */

const left: readonly RegExp[] = [
  // Kernels come by a way of their own, as do those for other ways to start.
  /^(boot|usr\/lib\/(modules|init|initramfs-tools|klibc|dracut))\//,
  /^usr\/(games|include|src|lib\/(debug|tmpfiles\.d|sysusers\.d|pcrlock\.d|pkgconfig))\b/,
  // Perl, Python and ICU come with scripts and programs that nobody calls here.
  /^usr\/(bin|lib|share)\/(perl|python|debconf|py3|pydoc|pygettext)/,
  /^usr\/lib\/x86_64-linux-gnu\/(perl|libperl|libpython|libicu|libreiserfscore|libgio|glib-2\.0|liblastlog2|security\/pam_(lastlog2|wtmpdb))/,
  /^usr\/sbin\/(xfs_scrub|xfs_protofile|mountstats|nfsiostat|rpcctl|pam-auth-update|pam_getenv|update-rc\.d)/,
  /^usr\/bin\/(btrfs-convert|c_rehash|linux-|routel|rrsync|smb2-quota|smbinfo|lastlog2|perl)/,
  /^usr\/lib\/ssl\/misc\//,
  // Character sets, but for those of FAT.
  /^usr\/lib\/x86_64-linux-gnu\/gconv\/(?!(gconv-modules|IBM(437|850|852)\.so|UTF-16\.so))/,
  // systemd comes along with udev; it is not what runs here.
  /^usr\/bin\/(?!systemd-(detect-virt|hwdb))(systemd|systemctl|journalctl|loginctl|busctl|varlinkctl|bootctl|networkctl|hostnamectl|localectl|timedatectl|portablectl|machinectl|run0|kernel-install)/,
  /^usr\/lib\/systemd\/(?!(systemd-udevd|network)\b)./,
  /^usr\/lib\/x86_64-linux-gnu\/systemd\/(?!libsystemd-shared)/,
  // The sources of the hardware database; udev reads what they are compiled to.
  /^usr\/lib\/udev\/hwdb\.d\//,
  // What administers accounts, packages and kernels of an installed system.
  /^usr\/s?bin\/(update-(grub|initramfs|ca-certificates|shells|passwd|pciids|usbids)|dpkg|deb-systemd|apt|debconf|ucf|add(user|group)|del(user|group))/,
  // Big, and done by others that are here: other formats, several threads, accounts, keys that are made elsewhere.
  /^usr\/bin\/(lsinitramfs|unmkinitramfs|pdb3|sensible-|pzstd|gawk|age-keygen|age-plugin|age-inspect|localedef|sg_|scsi_|sg[mp]_dd|sginfo|gpasswd|chage|ch(fn|sh)|newgidmap|newuidmap|faillog|expiry|lslogins|openssl$|pinky|ptx|ipc(mk|rm|s)$|lsirq|lsipc|screendump|psf|btrfs-(select-super|find-root|map-logical|image)|ntfs(decrypt|recover|secaudit|wipe)|lowntfs-3g|rdma|ssh-(keyscan|agent|add)|pldd|zdump|vdir|dir|nstat|lnstat|fusermount|dbus|luksmeta)/,
  /^usr\/sbin\/(useradd|usermod|userdel|group|newusers|chgpasswd|chpasswd|pwck|grpck|pw|grp|vi[pg][wr]|xfs_(mdrestore|logprint)|tc|rt(acct|mon)|devlink|tipc|vdpa|genl|arpd|zic|iconvconfig|smartd|mount\.fuse|rpc\.idmapd|blkmapd|cgdisk|fixparts|installkernel|invoke-rc|mkinitramfs|lvmsa[dr]|jfs_(debugfs|logdump|fscklog)|ntfs(cp|undelete)|drbdmon|dpkg|ldconfig|agetty|rpc\.svcgssd|rpc\.gssd|nfsd|exportfs|sshd-)/,
  /^usr\/lib\/(drbd\/.*-83|ocf\/|openssh\/ssh-(sk-helper|keysign|pkcs11)|x86_64-linux-gnu\/(tc|engines-3|ossl-modules|e2fsprogs|gawk|sasl2|gio|krb5|libmvec|libnfsidmap\/umich_ldap|security\/pam_(userdb|winbind))|dbus|tc)/,
  /^usr\/share\/(?!(misc|terminfo|mdadm|xfsprogs|consolefonts|keymaps|zoneinfo|ca-certificates|nano|smartmontools|tabset|base-passwd|udev)\b)./,
  /^usr\/share\/zoneinfo\/(?!(UTC|Etc\/UTC)$)./,
  // One font for screens suffices.
  /^usr\/share\/consolefonts\/(?!Lat15-(Terminus16|VGA16)\.psf\.gz)./,
  /\.(a|la)$/,
  /^etc\/(init\.d|default|cron\.|logrotate|apt|dpkg|kernel|initramfs-tools|grub\.d|systemd|sysv|sv|rc|X11|gss|ldap|perl|python|bash_completion|xdg)/,
  // Groups for an exchange of keys that other ways of exchanging replaced.
  /^etc\/ssh\/moduli$/,
  /^var\//,
];

/** Whether a path, relative to the root, is taken along. */
export function belongs(path: string): boolean {
  return !left.some((pattern) => pattern.test(path));
}
