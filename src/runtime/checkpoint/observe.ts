/** The processes of a container as /proc has them now: by few commands, however many there are. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { parseContents } from '../live/contents.ts';
import { parseStatus } from '../live/parse.ts';
import { type Observed, parseSockets, type Socket } from './obstacles.ts';
import { parseWatches, type Watch } from './watches.ts';

export interface Observation {
  readonly processes: readonly Observed[];
  /** Of the network that the first of them is in. */
  readonly sockets: readonly Socket[];
  /** Memory that they have, in bytes. */
  readonly memoryBytes: number;
}

/** @throws LifeboatError `not-found` where the process has ended */
export async function observe(host: Host, root: number, signal: AbortSignal): Promise<Observation> {
  const say = async (...argv: readonly [string, ...string[]]): Promise<string> => {
    // Processes end while they are looked at, and then some of the files are gone.
    const { stdout } = await host.run(argv, { okCodes: [0, 1, 2], timeoutMs: 15_000 }, signal);
    return nameFromBytes(stdout);
  };
  const grep = ['-exec', 'grep', '-aHZsE'] as const;
  const statuses = parseContents(
    await say(
      'find',
      '/proc',
      '-mindepth',
      '2',
      '-maxdepth',
      '2',
      '-path',
      '/proc/[0-9]*/status',
      ...grep,
      '^(Name|PPid|VmRSS):',
      '{}',
      '+',
    ),
  );
  const known = new Map([...statuses].map(([path, content]) => [Number(path.split('/')[2]), parseStatus(content)]));
  if (!known.has(root)) throw new LifeboatError('not-found', `process ${root} has ended`);
  const pids = [root];
  for (const pid of pids) {
    for (const [child, status] of known) if (Number(status.get('PPid')) === pid) pids.push(child);
  }
  const below = (name: string): readonly string[] => pids.map((pid) => `/proc/${pid}/${name}`);
  const links = await say('find', ...below('fd'), ...below('ns'), '-type', 'l', '-printf', '%p\\t%l\\0');
  const mapped = parseContents(await say('grep', '-aHZsoE', '(anon_inode:|/dev/).*$', '--', ...below('maps')));
  const told = '^(mnt_id:|eventfd-semaphore:|inotify )';
  const open = parseContents(await say('find', ...below('fdinfo'), '-type', 'f', ...grep, told, '{}', '+'));
  const mounts = parseContents(await say('grep', '-aHZsoE', '^[0-9]+', '--', ...below('mountinfo')));
  const inside = ['nsenter', `--net=/proc/${root}/ns/net`, 'ss'] as const;
  const sockets = [await say(...inside, '-Hxan'), await say(...inside, '-Htane')].join('\n');
  const memoryKiB = pids.map((pid) => parseInt(known.get(pid)?.get('VmRSS') ?? '0', 10));
  return {
    processes: pids.map((pid) => ({
      pid,
      name: known.get(pid)?.get('Name') ?? '?',
      ...linksOf(links, pid),
      mapped: lines(mapped.get(`/proc/${pid}/maps`)),
      ...openOf(open, pid),
      mounts: new Set(lines(mounts.get(`/proc/${pid}/mountinfo`)).map(Number)),
    })),
    sockets: parseSockets(sockets),
    memoryBytes: memoryKiB.reduce((sum, size) => sum + size, 0) * 1024,
  };
}

/** @param links as find prints them: of a process that has just ended they lead nowhere */
export function linksOf(links: string, pid: number): Pick<Observed, 'files' | 'namespaces'> {
  const files = new Map<number, string>();
  const namespaces = new Map<string, string>();
  for (const link of links.split('\0')) {
    const [path = '', target = ''] = link.split('\t');
    const [, of, kind, name = ''] = /^\/proc\/(\d+)\/(fd|ns)\/(\w+)$/.exec(path) ?? [];
    if (Number(of) !== pid || target === '') continue;
    if (kind === 'fd') files.set(Number(name), target);
    else namespaces.set(name, target);
  }
  return { files, namespaces };
}

/** @param open what is told in /proc of each open file, by path */
export function openOf(
  open: ReadonlyMap<string, string>,
  pid: number,
): Pick<Observed, 'mountOf' | 'semaphores' | 'watches'> {
  const mountOf = new Map<number, number>();
  const semaphores = new Set<number>();
  const watches: Watch[] = [];
  for (const [path, content] of open) {
    const [, of, fd] = /^\/proc\/(\d+)\/fdinfo\/(\d+)$/.exec(path) ?? [];
    if (Number(of) !== pid) continue;
    const mount = /^mnt_id:\s*(\d+)$/m.exec(content)?.[1];
    if (mount !== undefined) mountOf.set(Number(fd), Number(mount));
    if (/^eventfd-semaphore:\s*1$/m.test(content)) semaphores.add(Number(fd));
    watches.push(...parseWatches(content));
  }
  return { mountOf, semaphores, watches };
}

function lines(text: string | undefined): readonly string[] {
  return text === undefined || text === '' ? [] : text.split('\n');
}
