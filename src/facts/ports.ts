/**
 * Ports that something listens on, with the process, out of /proc. Not from `ss`: asking the kernel its way loads modules
 * (tcp_diag, udp_diag) that were not there before.
 */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Places } from './places.ts';
import {
  asRoot,
  type Contents,
  contentsOf,
  deniedPaths,
  parseContents,
  reportFailed,
  reportRefused,
} from './reading.ts';

export const portSchema = z.object({
  protocol: z.enum(['tcp', 'udp']),
  /** `0.0.0.0` and `::` are all of the machine's. */
  address: z.string(),
  port: z.number().int().min(1).max(65_535),
  /** In the range from which the kernel chooses for programs that do not care. */
  ephemeral: z.boolean(),
  /** Absent for sockets of the kernel, and where only root may know. */
  process: z.string().exactOptional(),
  pid: z.number().int().positive().exactOptional(),
  /** The unit of systemd that the process belongs to. */
  unit: z.string().exactOptional(),
});

export type Port = z.infer<typeof portSchema>;

interface Socket extends Pick<Port, 'protocol' | 'address' | 'port'> {
  readonly inode: string;
}

const tables = ['/proc/net/tcp', '/proc/net/tcp6', '/proc/net/udp', '/proc/net/udp6'] as const;
/** Listening (0A) or, of UDP, without a peer (07): ten thousand connections stay where they are. */
const listening = '^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} 0+:0000 0[A7] ';

export function parseSockets(contents: Contents): Socket[] {
  const sockets = new Map<string, Socket>();
  for (const [path, content] of contents) {
    const protocol = path.includes('tcp') ? 'tcp' : 'udp';
    for (const line of content.split('\n')) {
      if (!line.includes(':')) continue;
      const [, local, , state, , , , , , inode] = line.split(/\s+/).slice(line.startsWith(' ') ? 1 : 0);
      const [, address, port] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local ?? '') ?? [];
      if (address === undefined || port === undefined || inode === undefined) continue;
      if (state !== (protocol === 'tcp' ? '0A' : '07') || port === '0000') continue;
      const socket = { protocol, address: parseAddress(address), port: Number.parseInt(port, 16), inode } as const;
      const key = `${protocol} ${socket.address} ${socket.port}`;
      // Several processes may share a port; one line for each address is enough.
      if (!sockets.has(key)) sockets.set(key, socket);
    }
  }
  return [...sockets.values()];
}

/** Words of 32 bits in the byte order of the machine, which for all of ours is little-endian. */
export function parseAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse());
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => `${bytes[2 * index] ?? ''}${bytes[2 * index + 1] ?? ''}`);
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** Inode → pid. Of several processes that share a socket, the first that is not init, which only opened it for them. */
export function parseOwners(stdout: string): Map<string, number> {
  const owners = new Map<string, number>();
  for (const line of stdout.split('\n')) {
    const [, digits, inode] = /^\/proc\/(\d+)\/fd socket:\[(\d+)\]$/.exec(line) ?? [];
    if (digits === undefined || inode === undefined) continue;
    const pid = Number(digits);
    const known = owners.get(inode);
    if (known === undefined || known === 1 || (pid !== 1 && pid < known)) owners.set(inode, pid);
  }
  return owners;
}

/** Of `/proc/PID/cgroup`: the innermost service or scope. */
export function unitOf(cgroup: string): string | undefined {
  const names = cgroup.match(/[^/\n]+\.(?:service|scope)(?=\/|$|\n)/g);
  return names?.findLast((name) => name.endsWith('.service')) ?? names?.at(-1);
}

export function parseRange(content: string): readonly [number, number] {
  const [, from, to] = /^(\d+)\s+(\d+)\s*$/.exec(content) ?? [];
  if (from === undefined || to === undefined) throw new Error('not a range of ports');
  return [Number(from), Number(to)];
}

const defaultRange = [32_768, 60_999] as const;

/** Of the directories of a process only that of its open files is looked into. */
const fd = ['!', '-path', '/proc/[0-9]*/fd', '!', '-path', '/proc/[0-9]*/fd/*'];
const elsewhere = ['(', '-path', '/proc/[!0-9]*', '-o', '-path', '/proc/[0-9]*/*', ...fd, ')'];
const socketsOfProcesses = ['-mindepth', '1', '-maxdepth', '3', ...elsewhere, '-prune', '-o', '-lname', 'socket:*'];

export async function capturePorts(asker: Asker, there: Places): Promise<Port[] | undefined> {
  const subject = 'listening ports';
  if (!there.has('proc')) {
    if (there.unknown === true) return undefined;
    asker.gap({ subject, problem: '/proc is not mounted there, so that no process and no socket is seen' });
    return undefined;
  }
  const [sockets, range = defaultRange] = await Promise.all([
    asker.ask({
      argv: ['grep', '-aHsE', listening, ...tables],
      okCodes: [0, 1, 2],
      parse: (stdout) => parseSockets(parseContents(stdout)),
      subject,
    }),
    asker.file('/proc/sys/net/ipv4/ip_local_port_range', parseRange, { mayBeAbsent: true }),
  ]);
  if (sockets === undefined) return undefined;
  const owners = await askOwners(asker, sockets);
  const details = await askDetails(asker, [...new Set(owners.values())]);
  return sockets.sort(byPort).map(({ inode, ...socket }) => {
    const pid = owners.get(inode);
    const process = pid === undefined ? undefined : details.get(`/proc/${pid}/comm`);
    const unit = pid === undefined ? undefined : unitOf(details.get(`/proc/${pid}/cgroup`) ?? '');
    return {
      ...socket,
      ephemeral: socket.port >= range[0] && socket.port <= range[1],
      ...(process === undefined ? {} : { process }),
      ...(pid === undefined ? {} : { pid }),
      ...(unit === undefined ? {} : { unit }),
    };
  });
}

function byPort(a: Socket, b: Socket): number {
  return a.port - b.port || (`${a.protocol} ${a.address}` < `${b.protocol} ${b.address}` ? -1 : 1);
}

async function askOwners(asker: Asker, sockets: readonly Socket[]): Promise<Map<string, number>> {
  // Inode 0 belongs to the kernel.
  const wanted = new Set(sockets.map(({ inode }) => inode).filter((inode) => inode !== '0'));
  if (wanted.size === 0) return new Map();
  const subject = 'processes of listening ports';
  const answer = await asker.ask({
    argv: ['find', '/proc', ...socketsOfProcesses, '-printf', String.raw`%h %l\n`],
    // 1 when a process ended meanwhile, and when one belongs to somebody else.
    okCodes: [0, 1],
    parse: (stdout, stderr) => ({
      owners: parseOwners(stdout),
      denied: deniedPaths(stderr).length > 0,
      stdout,
      stderr,
    }),
    subject,
  });
  if (answer === undefined) return new Map();
  const { owners, denied, stderr } = answer;
  // Somebody has opened what is listened on.
  if (!reportRefused(asker, subject, stderr)) reportFailed(asker, subject, { ...answer, never: true });
  const unknown = [...wanted].filter((inode) => !owners.has(inode)).length;
  if (denied && unknown > 0) {
    asker.gap({ subject, problem: `not allowed to look at the processes of ${unknown} of them`, hint: asRoot });
  }
  return new Map([...owners].filter(([inode]) => wanted.has(inode)));
}

async function askDetails(asker: Asker, pids: readonly number[]): Promise<Contents> {
  if (pids.length === 0) return new Map();
  const files = pids.flatMap((pid) => [`/proc/${pid}/comm`, `/proc/${pid}/cgroup`]);
  // A process that has ended meanwhile is no gap.
  return (await contentsOf(asker, 'names of processes', files))?.contents ?? new Map();
}
