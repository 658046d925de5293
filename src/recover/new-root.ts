/** The recovered system's filesystems, mounted in one place while it is put together; all of it can be repeated. */
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import type { Host } from '../host/host.ts';
import { placeIn } from '../host/place-in.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { sleep } from '../kernel/wait.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { disksNow } from '../layout/rebuild/disks-now.ts';
import { devicePath } from '../layout/rebuild/paths.ts';
import { disksOf, siteOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import { mountsBelow } from '../engine/restore/mounts.ts';
import { mountOwnRun } from '../rescue/own-run.ts';
import { type NewMount, newMounts } from './mounts.ts';

/** A large journal may have to be replayed. */
const mountMs = 10 * 60_000;

/**
 * Mounts what is not mounted yet.
 *
 * @param layout as the disks are built
 * @throws LifeboatError `refused` where something else is mounted there; `not-found` without a root filesystem; `command-failed`
 */
export async function mountNewRoot(
  layout: Layout,
  root: string,
  host: Host,
  signal: AbortSignal,
): Promise<readonly NewMount[]> {
  const mounts = newMounts(layout);
  if (mounts[0]?.path !== '/') {
    throw new LifeboatError('not-found', 'no filesystem of the plan is the root of the machine', {
      hint: 'Is it left out of the plan? "lifeboat recover --dry-run" shows it.',
    });
  }
  const site = siteOf(withWholeDisks(layout).components);
  const now = await disksNow(host, disksOf(layout), signal);
  const disks = new Map([...now].map(([id, { path }]) => [id, path]));
  await host.run(['mkdir', '-p', '--', root], {}, signal);
  for (const mount of mounts) {
    const device = devicePath(mount.on, site, disks);
    const place = await plainPlace(root, mount.path);
    const there = await deviceAt(place, host, signal);
    if (there !== undefined) await refuseOther(mount, device, there, place, host, signal);
    else await mountOne(mount, device, place, host, signal);
  }
  return mounts;
}

/** Links that came back could lead out of the system, and what is mounted there would be over something of the rescue system. */
async function plainPlace(root: string, path: string): Promise<string> {
  const place = join(root, ...path.split('/'));
  if ((await placeIn(root, path)) === place) return place;
  throw new LifeboatError('untrusted', `on the way to ${printable(place)} is a symbolic link`, {
    hint: 'Something is to be mounted there, as it was when the point was made: put a directory in place of the link.',
  });
}

/** The device that is mounted just there; what lies over it is another's. */
async function deviceAt(place: string, host: Host, signal: AbortSignal): Promise<string | undefined> {
  const argv = ['findmnt', '--noheadings', '--raw', '--nofsroot', '--output', 'SOURCE', '--mountpoint', place] as const;
  const { stdout } = await host.run(argv, { okCodes: [0, 1] }, signal);
  return stdout.toString().trim().split('\n').at(-1) || undefined;
}

async function refuseOther(
  { type }: NewMount,
  device: string,
  there: string,
  place: string,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const { stdout } = await host.run(['realpath', '--', device, there], {}, signal);
  const [wanted = '', found = ''] = stdout.toString().trim().split('\n');
  if (wanted === found) return;
  // Of one that lies on several devices the kernel names any.
  const uuid = async (path: string): Promise<string> =>
    (await host.run(['blkid', '-p', '-o', 'value', '-s', 'UUID', path], {}, signal)).stdout.toString();
  if (type === 'btrfs' && (await uuid(wanted)) === (await uuid(found))) return;
  throw new LifeboatError('refused', `${printable(there)} is mounted at ${printable(place)}, and not ${device}`, {
    hint: `Let go of it: umount --recursive ${printable(place)}`,
  });
}

async function mountOne(
  { path, type, options }: NewMount,
  device: string,
  place: string,
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  await host.run(['mkdir', '-p', '--', place], {}, signal);
  const argv = ['mount', '-t', type, '-o', options.join(','), '--', device, place] as const;
  try {
    await host.run(argv, { timeoutMs: mountMs }, signal);
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (code !== 'command-failed') throw error;
    throw new LifeboatError(code, `${printable(path)} of the recovered system cannot be mounted: ${message}`, {
      hint: 'Look at the log of the kernel (dmesg), and give the same command again.',
      cause: error,
    });
  }
}

/** What programs of the recovered system need when they run in it. */
const kernels = ['dev', 'proc', 'sys'] as const;
const variables = '/sys/firmware/efi/efivars';

/** Shows it the devices and the kernel of the rescue system, and gives it a `/run` of its own. */
export async function bindKernel(root: string, host: Host, signal: AbortSignal): Promise<void> {
  // The rescue system has them read-only until somebody has to set some.
  const { code } = await host.run(['mountpoint', '-q', variables], { okCodes: [0, 1, 32] }, signal);
  if (code === 0) await host.run(['mount', '-o', 'remount,rw', variables], { okCodes: [0, 32] }, signal);
  for (const name of kernels) {
    const place = await plainPlace(root, `/${name}`);
    if ((await deviceAt(place, host, signal)) !== undefined) continue;
    await host.run(['mkdir', '-p', '--', place], {}, signal);
    await host.run(['mount', '--rbind', '--make-rslave', `/${name}`, place], {}, signal);
  }
  const run = await plainPlace(root, '/run');
  await host.run(['mkdir', '-p', '--', run], {}, signal);
  const isMounted = async (place: string): Promise<boolean> => (await deviceAt(place, host, signal)) !== undefined;
  await mountOwnRun(run, isMounted, host, signal);
}

/** Whether a system can be entered there, by a program that every one has. */
export async function hasSystem(root: string, host: Host, signal: AbortSignal): Promise<boolean> {
  const options = { okCodes: [0, 125, 126, 127], timeoutMs: mountMs };
  return (await host.run(['chroot', root, 'true'], options, signal)).code === 0;
}

/** Where lifeboat itself writes in the recovered system: no part of any point. */
export const ownPlaces = ['/var/lib/lifeboat', '/var/log/lifeboat'] as const;

/** Makes them, where its links lead, and leaves the directories that they are in as they were. */
export async function makeOwnPlaces(root: string, host: Host, signal: AbortSignal): Promise<void> {
  for (const place of ownPlaces) {
    const path = await placeIn(root, place);
    await host.run(['mkdir', '-p', '--', dirname(path)], {}, signal);
    await host.run(['sh', '-euc', keepingTimes, 'mkdir', path, dirname(path)], {}, signal);
  }
}

/** To the nanosecond, which a script can keep in a file's times only. */
const keepingTimes = `
[ -d "$1" ] && exit
times=$(mktemp)
trap 'rm -f "$times"' EXIT
touch --reference="$2" "$times"
mkdir -m 0700 "$1"
touch --reference="$times" "$2"
`;

/** Takes that back: what is below is compared with the point again. */
export async function unbindKernel(root: string, host: Host, signal: AbortSignal): Promise<void> {
  const mounts = mountsBelow(await realpath(root));
  for (const name of ['run', ...kernels.toReversed()])
    if (mounts.has(name)) await release(join(root, name), host, signal);
}

/** Everything; nothing there is a fine thing. */
export async function unmountNewRoot(root: string, host: Host, signal: AbortSignal): Promise<void> {
  while ((await deviceAt(root, host, signal)) !== undefined) await release(root, host, signal);
}

/** udev, or a program that is just ending, may hold on to something for a moment. */
async function release(place: string, host: Host, signal: AbortSignal): Promise<void> {
  for (let left = 10; ; left--) {
    const okCodes = left === 0 ? [0] : [0, 1, 32];
    const { code } = await host.run(['umount', '--recursive', '--', place], { okCodes, timeoutMs: mountMs }, signal);
    if (code === 0) return;
    await sleep(500, signal);
  }
}
