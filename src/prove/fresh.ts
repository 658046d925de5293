/** So that what is read from here on comes from the disks, and not from the memory in which it was written. */
import type { Host } from '../host/host.ts';
import { parseMountinfo } from '../layout/tools/mountinfo.ts';
import { isWithin } from '../layout/mount-place.ts';

const slowDiskMs = 60 * 60_000;

/** @param root where the recovered system is mounted */
export async function forgetCaches(root: string, host: Host, signal: AbortSignal): Promise<void> {
  const mounts = parseMountinfo((await host.read('/proc/self/mountinfo', {}, signal)).toString('latin1'));
  const [first, ...rest] = new Set(mounts.map(({ target }) => target).filter((one) => isWithin(one, root)));
  // A directory of a machine that does other things too: what is read is let go of file by file.
  if (first === undefined || root === '/') {
    await host.run(['sync', '--file-system', root], { timeoutMs: slowDiskMs }, signal);
    return;
  }
  await host.run(['sync', '--file-system', first, ...rest], { timeoutMs: slowDiskMs }, signal);
  // Where that cannot be, files are read from the disks even so, and only what is known of them may be remembered.
  const drop = ['dd', 'of=/proc/sys/vm/drop_caches', 'status=none'] as const;
  await host.run(drop, { stdin: Buffer.from('3\n'), okCodes: [0, 1] }, signal);
}
