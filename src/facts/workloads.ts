/** Containers and guests of all managers together. */
import type { Asker } from '../host/asker.ts';
import type { Container } from './container.ts';
import { captureDocker } from './docker.ts';
import type { Guest } from './guest.ts';
import { captureLibvirt } from './libvirt.ts';
import { captureInstances, captureLxc, captureNspawn, instanceLinks } from './lxc.ts';
import { type Place, type Places, places } from './places.ts';
import { capturePodman } from './podman.ts';
import { captureSupervisors } from './processes.ts';
import { captureProxmox } from './proxmox.ts';
import { parseQemu } from './qemu.ts';
import { reportDenied } from './reading.ts';
import type { User } from './users.ts';
import { captureXen } from './xen.ts';

export interface Workloads {
  readonly containers: Container[];
  readonly guests: Guest[];
}

/** @param homes of users whose own containers are looked for */
export async function captureWorkloads(asker: Asker, there: Places, homes: readonly User[]): Promise<Workloads> {
  reportHidden(asker, there, 'containers', containerPlaces);
  reportHidden(asker, there, 'guests', guestPlaces);
  const supervisors = await captureSupervisors(asker, there);
  const processes = supervisors === undefined ? [] : parseQemu(supervisors);
  const ids = supervisors && new Set(processes.flatMap(({ id }) => id ?? []));
  const [podman, docker, lxc, instances, nspawn, libvirt, proxmox, xen, machines] = await Promise.all([
    capturePodman(asker, there, homes, supervisors),
    captureDocker(asker, there),
    captureLxc(asker, there, supervisors),
    captureInstances(asker, there),
    captureNspawn(asker, there, supervisors),
    captureLibvirt(asker, there),
    captureProxmox(asker, there, ids),
    captureXen(asker, there),
    instanceLinks(asker, there, 'virtual-machines', 'guests'),
  ]);
  const defined = [...libvirt.guests, ...proxmox.guests, ...xen, ...parseMachines(machines)];
  return {
    containers: withState(there, [
      ...podman,
      ...docker,
      ...lxc,
      ...instances,
      ...nspawn,
      ...libvirt.containers,
      ...proxmox.containers,
    ]),
    guests: withState(there, [...defined, ...undefinedOnes(defined, processes)]),
  };
}

/** Virtual machines of Incus and LXD. */
export function parseMachines(records: readonly string[]): Guest[] {
  return records.flatMap((record) => {
    const [, root, manager, name, target] =
      /^(\/.*\/(incus|lxd))\/virtual-machines\/([^/\n]+)\n(.*)$/.exec(record) ?? [];
    if (root === undefined || name === undefined || (manager !== 'incus' && manager !== 'lxd')) return [];
    return [{ manager, name, disks: [target || `${root}/virtual-machines/${name}`] }];
  });
}

/** Processes of guests that none of the definitions are of. */
function undefinedOnes(defined: readonly Guest[], processes: readonly Guest[]): Guest[] {
  const names = new Set(defined.map(({ name }) => name));
  const ids = new Set(defined.flatMap(({ id }) => id ?? []));
  return processes.filter(({ name, id }) => !names.has(name) && !(id !== undefined && ids.has(id)));
}

const containerPlaces = ['docker', 'podman', 'quadlets', 'lxc', 'incus', 'lxd', 'lxdSnap', 'nspawn'] as const;
const guestPlaces = ['libvirt', 'proxmox', 'xen'] as const;

/** What this user is not even allowed to find. */
function reportHidden(asker: Asker, there: Places, subject: string, hidden: readonly Place[]): void {
  reportDenied(
    asker,
    subject,
    hidden.filter((place) => there.hidden(place)).map((place) => places[place]),
  );
}

/** In order; and where no process is to be seen, what a file says of the moment it was written says nothing of now. */
function withState<T extends { readonly manager: string; readonly name: string; running?: boolean }>(
  there: Places,
  items: T[],
): T[] {
  if (!there.has('proc')) for (const item of items) delete item.running;
  return items.sort((a, b) => (`${a.manager} ${a.name}` < `${b.manager} ${b.name}` ? -1 : 1));
}
