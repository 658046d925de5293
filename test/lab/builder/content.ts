/** Which files of the unpacked packages go into the builder machine: all but what no stack and no capture ever reads. */

const left: readonly RegExp[] = [
  // The kernel goes beside, its modules by a choice of their own.
  /^(boot|usr\/lib\/modules)\//,
  /^PACKAGES$/,
  /^usr\/(games|include|src|lib\/(debug|init|initramfs-tools|klibc|tmpfiles\.d|sysusers\.d|pcrlock\.d))\b/,
  // perl, python and ICU come with scripts and programs that nothing here runs.
  /^usr\/(bin|lib|share)\/(perl|python|debconf)/,
  /^usr\/lib\/x86_64-linux-gnu\/(perl|libperl|libpython|libicu|libsqlite|libglib|libgio)/,
  /^usr\/sbin\/xfs_scrub/,
  // Character sets, but for those of FAT.
  /^usr\/lib\/x86_64-linux-gnu\/gconv\/(?!(gconv-modules|IBM(437|850|852)\.so|UTF-16\.so))/,
  // systemd comes along with udev; it is not what runs here.
  /^usr\/bin\/(?!systemd-(detect-virt|hwdb))(systemd|systemctl|journalctl|loginctl|busctl|varlinkctl|bootctl|networkctl|hostnamectl|localectl|timedatectl|portablectl|machinectl)/,
  /^usr\/lib\/systemd\/(?!(systemd-udevd|network|libsystemd-shared)\b)./,
  /^usr\/lib\/udev\/hwdb\.d\//,
  /^usr\/share\/(?!(misc|terminfo|mdadm|xfsprogs)\b)./,
];

/** Whether a path, relative to the root, is taken along. */
export function belongs(path: string): boolean {
  return !left.some((pattern) => pattern.test(path));
}
