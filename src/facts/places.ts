/** Which of the places that later questions are about are there: one question instead of many that find nothing. */
import type { Asker } from '../host/asker.ts';
import { deniedPaths } from './reading.ts';

export const places = {
  efi: '/sys/firmware/efi',
  acpi: '/sys/firmware/acpi',
  memmap: '/sys/firmware/memmap',
  /** Of any file of the kernel's about processes and sockets: without it, no process of the host is seen. */
  proc: '/proc/net/tcp',
  memoryBlocks: '/sys/devices/system/memory',
  numa: '/sys/devices/system/node',
  dmi: '/sys/class/dmi/id',
  cgroup2: '/sys/fs/cgroup/cgroup.controllers',
  cgroupHybrid: '/sys/fs/cgroup/unified/cgroup.controllers',
  selinux: '/sys/fs/selinux/enforce',
  kernels: '/lib/modules',
  systemdRuns: '/run/systemd/system',
  systemd: '/etc/systemd/system',
  openrc: '/etc/runlevels',
  sysv: '/etc/rc2.d',
  dpkg: '/var/lib/dpkg/status',
  rpmSqlite: '/usr/lib/sysimage/rpm/rpmdb.sqlite',
  rpmNdb: '/usr/lib/sysimage/rpm/Packages.db',
  rpmSqliteOld: '/var/lib/rpm/rpmdb.sqlite',
  rpmNdbOld: '/var/lib/rpm/Packages.db',
  rpmBerkeley: '/var/lib/rpm/Packages',
  pacman: '/var/lib/pacman/local',
  apk: '/lib/apk/db/installed',
  apkUsr: '/usr/lib/apk/db/installed',
  dockerConfig: '/etc/docker/daemon.json',
  docker: '/var/lib/docker/containers',
  podman: '/var/lib/containers/storage',
  quadlets: '/etc/containers/systemd',
  lxc: '/var/lib/lxc',
  incus: '/var/lib/incus',
  lxd: '/var/lib/lxd',
  lxdSnap: '/var/snap/lxd/common/lxd',
  nspawn: '/var/lib/machines',
  libvirt: '/etc/libvirt',
  proxmox: '/etc/pve/local',
  xen: '/etc/xen',
  ostreeBooted: '/run/ostree-booted',
  ostree: '/ostree/deploy',
  bootc: '/usr/lib/bootc',
  bootcTool: '/usr/bin/bootc',
} as const;

export type Place = keyof typeof places;

export interface Places {
  has(place: Place): boolean;
  /** Whether it may be there, but this user is not allowed to know. */
  hidden(place: Place): boolean;
  /** Nobody told: that a place is not there means nothing. The gap for it is that of the places. */
  readonly unknown?: true;
}

/** Nothing is there for a host that does not answer, or not of each place; that is a gap. */
export async function capturePlaces(asker: Asker): Promise<Places> {
  const found = await asker.ask({
    argv: ['ls', '-d', places.efi, ...Object.values(places).slice(1)],
    // It answers 2 (busybox: 1) when one of them is not there.
    okCodes: [0, 1, 2],
    parse: (stdout, stderr) => {
      const there = new Set(stdout.split('\n'));
      const silent = Object.values(places).filter((path) => !there.has(path) && !stderr.includes(path));
      return { there, denied: new Set(deniedPaths(stderr)), silent };
    },
    subject: 'places',
  });
  const [silent] = found?.silent ?? [];
  if (silent !== undefined) {
    const more = (found?.silent.length ?? 1) - 1;
    const problem = `ls did not say whether there is ${silent}${more === 0 ? '' : ` and ${more} more`}`;
    asker.gap({ subject: 'places', problem });
  }
  return {
    ...(found === undefined || silent !== undefined ? { unknown: true } : {}),
    has: (place) => found?.there.has(places[place]) ?? false,
    hidden: (place) => found?.denied.has(places[place]) ?? false,
  };
}
