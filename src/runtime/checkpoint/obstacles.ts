/** What CRIU cannot dump, found in /proc before anything is frozen. Pure: text in, words out. */

import type { Watch } from './watches.ts';

/** A process of the container as the files of /proc have it. */
export interface Observed {
  readonly pid: number;
  readonly name: string;
  /** What `/proc/<pid>/fd/<n>` points to, by number. */
  readonly files: ReadonlyMap<number, string>;
  /** What `/proc/<pid>/ns/<type>` points to, by type. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Names of what is mapped that is no file of its own: `anon_inode:[io_uring]`, `/dev/…`. */
  readonly mapped: readonly string[];
  /** The mount of each open file, as fdinfo numbers it. */
  readonly mountOf: ReadonlyMap<number, number>;
  /** Open files that are eventfds which count down by one (EFD_SEMAPHORE); Linux tells so from 6.5 on. */
  readonly semaphores: ReadonlySet<number>;
  /** What it watches by inotify. */
  readonly watches: readonly Watch[];
  /** Those that it sees. */
  readonly mounts: ReadonlySet<number>;
}

/** Anonymous inodes by what the kernel calls them. */
const anonymous: Readonly<Record<string, string>> = {
  '[io_uring]': 'uses io_uring',
  '[userfaultfd]': 'uses userfaultfd',
  '[perf_event]': 'counts events of the processor (perf)',
  'bpf-prog': 'holds a BPF program',
  bpf_link: 'holds a BPF link',
  'kvm-vm': 'runs a virtual machine (KVM)',
  'kvm-vcpu': 'runs a virtual machine (KVM)',
  '[landlock-ruleset]': 'holds a set of rules of Landlock',
  'seccomp notify': 'watches the system calls of others (seccomp)',
};

/** Those that CRIU opens again by their name. */
const plainDevices =
  /^\/dev\/(?:null|zero|full|random|urandom|tty|console|ptmx|net\/tun|(?:pts|shm|mqueue|hugepages)(?:\/.*)?)$/;

/** CRIU dumps those of mounts and networks within the container's own. */
const single = ['pid', 'user', 'ipc', 'uts', 'cgroup'] as const;

/** Each obstacle once, with the process that it is of. The first process is the container's. */
export function processObstacles(processes: readonly Observed[]): readonly string[] {
  const [root] = processes;
  return [
    ...new Set(processes.flatMap((one) => [...ofFiles(one), ...(root === undefined ? [] : ofNamespaces(one, root))])),
  ];
}

function ofFiles({ pid, name, files, mapped, mountOf, semaphores, mounts }: Observed): readonly string[] {
  const who = `process ${pid} (${name})`;
  const targets = [...files.values(), ...mapped].map((target) => target.replace(/ \(deleted\)$/, ''));
  const inodes = targets.flatMap((target) => {
    const what = anonymous[target.replace(/^anon_inode:/, '')];
    return target.startsWith('anon_inode:') && what !== undefined ? [`${who} ${what}, which CRIU cannot dump`] : [];
  });
  const devices = targets
    .filter((target) => target.startsWith('/dev/') && !plainDevices.test(target))
    .map((target) => `${who} uses the device ${target}, which CRIU cannot dump`);
  const outside = [...files].flatMap(([fd, target]) => {
    const mount = mountOf.get(fd);
    const lies = target.startsWith('/') && mount !== undefined && mounts.size > 0 && !mounts.has(mount);
    return lies ? [`${who} has ${target} open as descriptor ${fd}, which lies outside of the container`] : [];
  });
  // It would come back as one that gives all that it has counted at once, and nothing would say so.
  const counting =
    semaphores.size === 0 ? [] : [`${who} has an eventfd that is a semaphore, which CRIU restores as an ordinary one`];
  return [...inodes, ...devices, ...outside, ...counting];
}

function ofNamespaces({ pid, name, namespaces }: Observed, root: Observed): readonly string[] {
  return single.flatMap((type) => {
    const own = root.namespaces.get(type);
    // The one that its children would have is another where it has made one and has no child in it yet.
    const others = [namespaces.get(type), namespaces.get(`${type}_for_children`)];
    const differs = own !== undefined && others.some((other) => other !== undefined && other !== own);
    return differs
      ? [`process ${pid} (${name}) is in a ${type} namespace within the container's, which CRIU cannot dump`]
      : [];
  });
}

/** A socket of the network that the container is in. */
export interface Socket {
  readonly family: 'unix' | 'tcp';
  readonly state: string;
  readonly inode: string;
  /** Of unix sockets: the other end; `0` for none. */
  readonly peer?: string;
  /** Of TCP sockets that listen: connections that wait to be accepted. */
  readonly waiting?: number;
}

/** @param lines of `ss -Hxan` and `ss -Htane` */
export function parseSockets(lines: string): readonly Socket[] {
  return lines.split('\n').flatMap((line): Socket[] => {
    const words = line.trim().split(/\s+/);
    const [kind = '', state = ''] = words;
    if (kind.startsWith('u_')) {
      // The last two pairs are name and inode, of either end; a name may hold blanks.
      return [{ family: 'unix', state, inode: words.at(-3) ?? '', peer: words.at(-1) ?? '0' }];
    }
    const inode = /\bino:(\d+)/.exec(line)?.[1];
    return inode === undefined ? [] : [{ family: 'tcp', state: kind, inode, waiting: Number(state) }];
  });
}

/** Inodes of the sockets that these processes have open. */
export function socketsOf(processes: readonly Observed[]): ReadonlySet<string> {
  const targets = processes.flatMap(({ files }) => [...files.values()]);
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
}

/** Unix connections to processes outside, which CRIU cannot dump whole. */
export function outsideSockets(processes: readonly Observed[], sockets: readonly Socket[]): readonly string[] {
  const own = socketsOf(processes);
  const outside = sockets.filter(
    ({ family, state, inode, peer = '0' }) =>
      family === 'unix' && state === 'ESTAB' && own.has(inode) && peer !== '0' && !own.has(peer),
  );
  return outside.map(({ inode }) => {
    const holder = processes.find(({ files }) => [...files.values()].includes(`socket:[${inode}]`));
    return `process ${holder?.pid} (${holder?.name}) has a unix connection to a process outside of the container, which CRIU cannot dump`;
  });
}

/** Those of which CRIU asks what becomes of them: also while they are being opened or closed. */
const connected = new Set(['ESTAB', 'SYN-SENT', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSING']);

/** How many of their TCP connections are open, or not closed to the end. */
export function openConnections(processes: readonly Observed[], sockets: readonly Socket[]): number {
  const own = socketsOf(processes);
  return sockets.filter(({ family, state, inode }) => family === 'tcp' && connected.has(state) && own.has(inode))
    .length;
}

/** Connections that a program has not accepted yet, of which CRIU dumps none. */
export function waitingConnections(processes: readonly Observed[], sockets: readonly Socket[]): readonly string[] {
  return sockets.flatMap(({ family, state, inode, waiting = 0 }) => {
    const holder = processes.find(({ files }) => [...files.values()].includes(`socket:[${inode}]`));
    if (family !== 'tcp' || state !== 'LISTEN' || waiting === 0 || holder === undefined) return [];
    const many = waiting === 1 ? 'a connection' : `${waiting} connections`;
    return [
      `process ${holder.pid} (${holder.name}) has ${many} waiting that it has not accepted yet, which CRIU cannot dump: try again when it has`,
    ];
  });
}
