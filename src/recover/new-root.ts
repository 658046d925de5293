/** The recovered system's filesystems, mounted in one place while it is put together; all of it can be repeated. */
import { createHash } from 'node:crypto';
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
import type { Component, Layout } from '../layout/types.ts';
import { mountsBelow } from '../engine/restore/mounts.ts';
import { isBelow } from '../engine/tar/include.ts';
import { mountOwnRun } from '../rescue/own-run.ts';
import { type NewMount, newMounts } from './mounts.ts';

/** For each place a file: what is mounted there may be taken away by the next attempt. */
const mountedHere = '/run/lifeboat/new-roots';
const noteOf = (root: string): string => join(mountedHere, createHash('sha256').update(root).digest('hex'));

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
  await host.run(['mkdir', '-p', '--', root, mountedHere], {}, signal);
  await host.run(['touch', '--', noteOf(root)], {}, signal);
  const sources = await sourcesByPlace(host, signal);
  const standing: Standing[] = [];
  const left: (Omit<Standing, 'there'> & { readonly place: string })[] = [];
  for (const mount of mounts) {
    const device = devicePath(mount.on, site, disks);
    const place = await plainPlace(root, mount.path);
    const there = sources.get(place);
    // What is mounted below a place where something is mounted now is hidden by that.
    const isHidden = left.some(({ mount: { path } }) => path === '/' || isBelow(mount.path, path));
    if (there === undefined || isHidden) left.push({ mount, device, place });
    else standing.push({ mount, device, place, there });
  }
  await refuseOthers(standing, host, signal);
  for (const { mount, device, place } of left) await mountOne(mount, device, place, host, signal);
  return mounts;
}

interface Standing {
  readonly mount: NewMount;
  readonly device: string;
  readonly place: string;
  /** The device that is mounted there. */
  readonly there: string;
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

/** All at once: the device that is mounted at each place, and of several the one on top. */
async function sourcesByPlace(host: Host, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const argv = ['findmnt', '--noheadings', '--raw', '--nofsroot', '--output', 'TARGET,SOURCE'] as const;
  const { stdout } = await host.run(argv, {}, signal);
  const plain = (text: string) =>
    text.replace(/(?:\\x[0-9a-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('\\x', ''), 'hex').toString());
  const lines = stdout.toString().trimEnd().split('\n');
  return new Map(
    lines.map((line) => line.split(' ', 2).map(plain)).map(([place = '', source = '']) => [place, source]),
  );
}

/** @throws LifeboatError `refused` where something else is mounted */
async function refuseOthers(standing: readonly Standing[], host: Host, signal: AbortSignal): Promise<void> {
  const [first, ...rest] = standing.flatMap(({ device, there }) => [device, there]);
  if (first === undefined) return;
  const { stdout } = await host.run(['realpath', '--', first, ...rest], {}, signal);
  const paths = stdout.toString().trimEnd().split('\n');
  for (const [index, { mount, device, there, place }] of standing.entries()) {
    const [wanted = '', found = ''] = paths.slice(2 * index);
    if (wanted === found || (mount.type === 'btrfs' && (await haveOneUuid(wanted, found, host, signal)))) continue;
    throw new LifeboatError('refused', `${printable(there)} is mounted at ${printable(place)}, and not ${device}`, {
      hint: `Let go of it: umount --recursive ${printable(place)}`,
    });
  }
}

/** Of a filesystem that lies on several devices the kernel names any. */
async function haveOneUuid(one: string, other: string, host: Host, signal: AbortSignal): Promise<boolean> {
  const uuid = async (path: string): Promise<string> =>
    (await host.run(['blkid', '-p', '-o', 'value', '-s', 'UUID', path], {}, signal)).stdout.toString();
  return (await uuid(one)) === (await uuid(other));
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
  const places = await Promise.all(kernels.map(async (name) => [`/${name}`, await plainPlace(root, `/${name}`)]));
  await host.run(['sh', '-euc', binding, 'sh', ...places.flat()], {}, signal);
  const run = await plainPlace(root, '/run');
  await host.run(['mkdir', '-p', '--', run], {}, signal);
  await mountOwnRun(run, host, signal);
}

const binding = `
while [ $# -gt 0 ]; do
  mkdir -p -- "$2"
  mountpoint -q "$2" || mount --rbind --make-rslave "$1" "$2"
  shift 2
done`;

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

/**
 * What an earlier attempt has mounted, before anybody agreed to anything.
 *
 * @throws LifeboatError `refused` where somebody else mounted something there
 */
export async function unmountEarlier(root: string, host: Host, signal: AbortSignal): Promise<void> {
  const there = await deviceAt(root, host, signal);
  if (there === undefined) return;
  const { code } = await host.run(['test', '-e', noteOf(root)], { okCodes: [0, 1] }, signal);
  if (code === 0) return await unmountNewRoot(root, host, signal);
  throw new LifeboatError('refused', `${printable(there)} is mounted at ${printable(root)}, and by no recovery`, {
    hint: 'Choose another place with --root, or let go of it: umount --recursive there.',
  });
}

/** The same for a look, which lets go of nothing: a layout as it is once that is unmounted. */
export async function withoutEarlier(layout: Layout, root: string, host: Host, signal: AbortSignal): Promise<Layout> {
  const { code } = await host.run(['test', '-e', noteOf(root)], { okCodes: [0, 1] }, signal);
  if (code !== 0) return layout;
  const isThere = (one: Component): boolean => one.kind === 'mount' && (one.path === root || isBelow(one.path, root));
  return { ...layout, components: layout.components.filter((one) => !isThere(one)) };
}

/** Everything; nothing there is a fine thing. */
export async function unmountNewRoot(root: string, host: Host, signal: AbortSignal): Promise<void> {
  while ((await deviceAt(root, host, signal)) !== undefined) await release(root, host, signal);
  await host.run(['rm', '-f', '--', noteOf(root)], {}, signal);
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
