/** The disk with the repository, or the server, where that is a directory of the machine itself: mounted where it was, read-only. */
import { join } from 'node:path/posix';
import type { Host } from '../host/host.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { Layout } from '../layout/types.ts';
import { mountOf, mountOver, type OldMount } from './old-mounts.ts';

/** What would be hidden in the rescue system by something mounted there, or above. */
const needed = [
  '/dev',
  '/etc',
  '/mnt/lifeboat',
  '/mnt/recovered',
  '/proc',
  '/root',
  '/run',
  '/sys',
  '/tmp',
  '/usr',
  '/var',
];

/** A stick that lifeboat made has its points in a filesystem of this name. */
const stickLabel = 'LIFEBOAT-DATA';

export type Reach = 'disks' | 'servers';

/**
 * Writes nothing: devices are read-only in the kernel until somebody agrees to a plan, so that no journal is replayed.
 *
 * @param directory of the repository
 * @param layout the machine as it was captured, which knows what was mounted there
 * @param reach `disks` before there is a network: no server is asked
 * @returns what a person should know of it; `undefined` where the repository is there, or belonged to the root that was lost
 */
export async function mountRepositoryDisk(
  directory: string,
  layout: Layout | undefined,
  reach: Reach,
  host: Host,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { code } = await host.run(
    ['test', '-e', join(directory, 'lifeboat/repository.json')],
    { okCodes: [0, 1] },
    signal,
  );
  const place = layout === undefined ? undefined : mountOver(directory, layout);
  if (code === 0 || place === undefined || ('server' in place && reach === 'disks')) return undefined;
  const { path } = place;
  if (needed.some((own) => own === path || own.startsWith(`${path}/`))) {
    return printable(
      `the repository ${directory} was on a filesystem mounted at ${path}, where the rescue system has its own files: mount it elsewhere, and name it with --repository`,
    );
  }
  if ('server' in place) {
    const server = { path, device: place.server, type: place.type, ways: [['ro']] };
    return await mountFor(directory, server, host, signal);
  }
  const { uuid, subvolume } = place;
  const device = (await deviceBy('-U', uuid, host, signal)) ?? (await deviceBy('-L', stickLabel, host, signal));
  if (device === undefined) {
    return printable(`the repository ${directory} was on a filesystem that is not here (UUID ${uuid}, at ${path})`);
  }
  const { stdout } = await host.run(['blkid', '-o', 'value', '-s', 'TYPE', device], { timeoutMs: 60_000 }, signal);
  const content = { path: device, name: device, type: stdout.toString().trim() };
  return await mountFor(directory, mountOf(content, path, subvolume), host, signal);
}

async function mountFor(
  directory: string,
  { path, device, type, ways }: OldMount,
  host: Host,
  signal: AbortSignal,
): Promise<string> {
  let failure = `${type} cannot be mounted here`;
  await host.run(['mkdir', '-p', '--', path], {}, signal);
  for (const options of ways) {
    try {
      const argv = ['mount', '-t', type, '-o', options.join(','), '--', device, path] as const;
      await host.run(argv, { timeoutMs: 120_000 }, signal);
      return printable(`the repository ${directory} is on ${device}, mounted read-only at ${path}`);
    } catch (error) {
      const { code, message } = asLifeboatError(error);
      if (code !== 'command-failed' && code !== 'command-timeout') throw error;
      failure = message;
    }
  }
  return printable(`the repository ${directory} is on ${device}, which cannot be mounted at ${path}: ${failure}`);
}

/** What is read from the devices themselves, by one of their names. */
async function deviceBy(
  option: '-U' | '-L',
  name: string,
  host: Host,
  signal: AbortSignal,
): Promise<string | undefined> {
  const argv = ['blkid', '-c', '/dev/null', option, name] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 2], timeoutMs: 60_000 }, signal);
  return stdout.toString().trim() || undefined;
}
