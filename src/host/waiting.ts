/** Questions that an earlier capture asked of a dead device, and that nobody can end: each waits in the kernel until the device answers. */
import { throwIfAborted } from '../kernel/wait.ts';
import { nameFromBytes } from '../kernel/text.ts';
import type { Argv, Host } from './host.ts';

/** Those that read devices themselves. The command lines of other programs are nobody's business. */
const readers = [
  'blkid',
  'btrfs',
  'cryptsetup',
  'dd',
  'dmsetup',
  'dumpe2fs',
  'losetup',
  'lvs',
  'mdadm',
  'pvck',
  'pvs',
  'realpath',
  'sfdisk',
  'vgs',
  'wipefs',
  'xfs_db',
  'zdb',
  'zfs',
  'zpool',
];
export const waitingArgv: Argv = ['ps', '-ww', '-C', readers.join(','), '-o', 'stat=,etimes=,args='];

/** No healthy device lets a question wait for longer. */
const atLeastSeconds = 10;

/**
 * Their command lines. To ask them again would only add to them. A host that cannot be asked for its processes has none.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function waitingCommands(host: Host, signal: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    const { stdout } = await host.run(waitingArgv, { timeoutMs: 5_000, okCodes: [0, 1] }, signal);
    return parseWaiting(nameFromBytes(stdout));
  } catch {
    throwIfAborted(signal);
    return new Set();
  }
}

/** State, age in seconds and command line of each process; `D` is one that no signal reaches. */
export function parseWaiting(stdout: string): Set<string> {
  return new Set(
    stdout.split('\n').flatMap((line) => {
      const [, age = '', command = ''] = /^D\S* +(\d+) (.+)$/.exec(line.trim()) ?? [];
      return Number(age) >= atLeastSeconds ? [command] : [];
    }),
  );
}
