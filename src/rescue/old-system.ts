/** The system that was on the disks, mounted to be looked at: read-only, over views, so that no bit of a disk changes. */
import type { Host } from '../host/host.ts';
import { placeIn } from '../host/place-in.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { Layout } from '../layout/types.ts';
import { assemble, type Assembly, type Content, stopGroups } from './assemble.ts';
import { canBeMounted, capturedRoot, mountOf, mountsOf, type OldMount } from './old-mounts.ts';
import { mountOwnRun } from './own-run.ts';
import { deviceTree, nodesInViews, removeViews } from './views.ts';

export interface Looking extends Assembly {
  /** Where it is mounted. */
  readonly target: string;
  /** The machine as it was captured, by which its root is known. */
  readonly layout?: Layout;
  /** UUID or label of the filesystem that is the root, as a person says it. */
  readonly root?: string;
}

export interface OldSystem {
  readonly target: string;
  readonly mounts: readonly OldMount[];
  /** What belongs to it and is not there, each with the reason. */
  readonly missing: readonly string[];
}

/**
 * @throws LifeboatError `exists` where that was done already, `not-found` where there is no system on the disks, `usage` where there are
 *   several and nobody said which; then nothing is left behind
 */
export async function mountOldSystem(looking: Looking, host: Host, signal: AbortSignal): Promise<OldSystem> {
  const { target, layout } = looking;
  if (nodesInViews(await deviceTree(host, signal)).length > 0) {
    throw new LifeboatError('exists', 'the disks are being looked at already', {
      hint: 'End that with "lifeboat rescue umount".',
    });
  }
  try {
    const { contents, closed } = await assemble(looking, host, signal);
    await host.run(['mkdir', '-p', target], {}, signal);
    const root = await rootOf(looking, contents, closed, host, signal);
    await mount(root, target, host, signal);
    const fstab = await textOf(await placeIn(target, '/etc/fstab'), host, signal);
    const { mounts, missing } = mountsOf(fstab, contents, layout);
    const done: OldMount[] = [root];
    const failed: string[] = [];
    for (const one of mounts) {
      const problem = await tryToMount(one, target, host, signal);
      if (problem === undefined) done.push(one);
      else failed.push(problem);
    }
    for (const name of ['dev', 'proc', 'sys']) await showOwn(name, target, host, signal);
    await giveRun(target, host, signal);
    const locked = closed.map((uuid) => `the encrypted volume ${uuid} is closed: nobody gave its passphrase`);
    return { target, mounts: done, missing: [...missing, ...failed, ...locked] };
  } catch (error) {
    await umountOldSystem(target, host, new AbortController().signal).catch(() => undefined);
    throw error;
  }
}

/** Leaves nothing behind. Can be repeated. @throws LifeboatError `command-failed` where somebody still works in it */
export async function umountOldSystem(target: string, host: Host, signal: AbortSignal): Promise<void> {
  // 1: nothing is mounted there.
  const { stdout } = await host.run(['findmnt', '-rno', 'TARGET', target], { okCodes: [0, 1] }, signal);
  if (stdout.length > 0) await host.run(['umount', '--recursive', target], {}, signal);
  await stopGroups(host, signal);
  await removeViews(host, signal);
}

async function rootOf(
  { root: said, layout, target }: Looking,
  contents: readonly Content[],
  closed: readonly string[],
  host: Host,
  signal: AbortSignal,
): Promise<OldMount> {
  const own = layout === undefined ? undefined : capturedRoot(layout);
  const named = contents.filter(({ uuid, label }) => said !== undefined && (uuid === said || label === said));
  const known = said === undefined ? contents.filter(({ uuid }) => own !== undefined && uuid === own.uuid) : named;
  const [only] = known;
  if (only !== undefined) return mountOf(only, '/', said === undefined ? own?.subvolume : undefined);
  const found: OldMount[] = [];
  for (const content of said === undefined ? contents.filter(canBeMounted) : []) {
    for (const subvolume of content.type === 'btrfs' ? [undefined, 'subvol=@', 'subvol=@rootfs'] : [undefined]) {
      const candidate = mountOf(content, '/', subvolume);
      if (await isRoot(candidate, target, host, signal)) found.push(candidate);
    }
  }
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0) return first;
  if (first === undefined) {
    throw new LifeboatError('not-found', said === undefined ? 'no system is on these disks' : `there is no ${said}`, {
      hint:
        closed.length > 0
          ? `It may be in an encrypted volume: ${closed.join(', ')}. Give its passphrase, or --key UUID=FILE.`
          : 'What is there, "lifeboat layout show host" says.',
    });
  }
  const names = found.map(({ device }) => contents.find(({ path }) => path === device)?.uuid ?? device);
  throw new LifeboatError('usage', `several systems are on these disks: ${names.join(', ')}`, {
    hint: 'Say which one with --root UUID.',
  });
}

async function isRoot(candidate: OldMount, target: string, host: Host, signal: AbortSignal): Promise<boolean> {
  try {
    await mount(candidate, target, host, signal);
  } catch (error) {
    if (asLifeboatError(error).code !== 'command-failed') throw error;
    return false;
  }
  const { code } = await host.run(['test', '-e', `${target}/etc/fstab`], { okCodes: [0, 1] }, signal);
  await host.run(['umount', target], {}, signal);
  return code === 0;
}

async function mount({ device, type, ways }: OldMount, place: string, host: Host, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const options of ways) {
    try {
      await host.run(['mount', '-t', type, '-o', options.join(','), device, place], { timeoutMs: 600_000 }, signal);
      return;
    } catch (error) {
      if (asLifeboatError(error).code !== 'command-failed') throw error;
      failures.push(error);
    }
  }
  throw failures[0];
}

/** @returns why it is not mounted */
async function tryToMount(one: OldMount, target: string, host: Host, signal: AbortSignal): Promise<string | undefined> {
  try {
    const place = await placeBelow(target, one.path, host, signal);
    if (place === undefined) return printable(`${one.path}: the system has no such directory`);
    await mount(one, place, host, signal);
    return undefined;
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (code !== 'command-failed') throw error;
    return printable(`${one.path}: ${message.split('\n').at(-1)}`);
  }
}

/** A symlink of the old system leads out of it from here; such a place is none. */
async function placeBelow(target: string, path: string, host: Host, signal: AbortSignal): Promise<string | undefined> {
  const { code, stdout } = await host.run(['realpath', '-e', '--', `${target}${path}`], { okCodes: [0, 1] }, signal);
  const place = stdout.toString().replace(/\n$/, '');
  return code === 0 && place.startsWith(`${target}/`) ? place : undefined;
}

/** So that programs of the old system work in a chroot; what has no such directory does without. */
async function showOwn(name: string, target: string, host: Host, signal: AbortSignal): Promise<void> {
  const place = await placeBelow(target, `/${name}`, host, signal);
  if (place !== `${target}/${name}`) return;
  await host.run(['mount', '--rbind', '--make-rslave', `/${name}`, place], {}, signal);
}

async function giveRun(target: string, host: Host, signal: AbortSignal): Promise<void> {
  const place = await placeBelow(target, '/run', host, signal);
  if (place !== `${target}/run`) return;
  await mountOwnRun(place, host, signal);
}

async function textOf(path: string, host: Host, signal: AbortSignal): Promise<string> {
  try {
    return (await host.read(path, { maxBytes: 1024 ** 2 }, signal)).toString();
  } catch (error) {
    if (asLifeboatError(error).code !== 'not-found') throw error;
    return '';
  }
}
