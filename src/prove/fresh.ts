/** That what was written is on the disks, and that it is read from there, and not from the memory in which it was written. */
import type { Host } from '../host/host.ts';
import { parseMountinfo } from '../layout/tools/mountinfo.ts';
import { isWithin } from '../layout/mount-place.ts';

const slowDiskMs = 60 * 60_000;

/** @param root where the recovered system is mounted */
export async function syncAll(root: string, host: Host, signal: AbortSignal): Promise<void> {
  const [first = root, ...rest] = await placesIn(root, host, signal);
  await host.run(['sync', '--file-system', first, ...rest], { timeoutMs: slowDiskMs }, signal);
}

/** Of a directory of a machine that does other things too nothing is dropped: what is read is let go of file by file. */
export async function forgetCaches(root: string, host: Host, signal: AbortSignal): Promise<void> {
  const isMounted = root !== '/' && (await placesIn(root, host, signal)).includes(root);
  if (!isMounted) return;
  // Where that cannot be, files are read from the disks even so, and only what is known of them may be remembered.
  const drop = ['dd', 'of=/proc/sys/vm/drop_caches', 'status=none'] as const;
  await host.run(drop, { stdin: Buffer.from('3\n'), okCodes: [0, 1] }, signal);
}

async function placesIn(root: string, host: Host, signal: AbortSignal): Promise<string[]> {
  const mounts = parseMountinfo((await host.read('/proc/self/mountinfo', {}, signal)).toString('latin1'));
  return [...new Set(mounts.map(({ target }) => target).filter((one) => isWithin(one, root)))];
}
