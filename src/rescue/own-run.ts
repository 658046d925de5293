/**
 * `/run` as programs of the system on the disks see it while they run in it here: their own, with what the tools for devices have there. That of
 * the rescue system holds keys and secrets, and what a program finds there it may well copy into an initial filesystem.
 */
import { join } from 'node:path/posix';
import type { Host } from '../host/host.ts';

/** What is known of devices, and locks that are held of them, by their places in `/run`. */
const shared = ['udev', 'lvm', 'mdadm', 'cryptsetup', 'lock'] as const;

/**
 * Mounts what is not mounted yet.
 *
 * @param isMounted whether something is mounted just there
 */
export async function mountOwnRun(
  place: string,
  isMounted: (place: string) => Promise<boolean>,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  if (!(await isMounted(place)))
    await host.run(['mount', '-t', 'tmpfs', '-o', 'mode=0755,nosuid,nodev', 'tmpfs', place], {}, signal);
  for (const name of shared) {
    const to = join(place, name);
    await host.run(['mkdir', '-p', '--', to], {}, signal);
    const { code } = await host.run(['test', '-d', `/run/${name}`], { okCodes: [0, 1] }, signal);
    if (code === 0 && !(await isMounted(to)))
      await host.run(['mount', '--bind', '--make-slave', `/run/${name}`, to], {}, signal);
  }
}
