/**
 * The base of every rescue system: a root filesystem out of Debian packages in exact versions, with Node, the same for all hosts. It is
 * packed once and kept; what is of one host comes as a layer of its own.
 */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { z } from 'zod';
import { lockFile } from '../host/file-lock.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { makeRoot } from './base-root.ts';
import { type Kernel, kernelBelow, kernelsBelow } from './kernel.ts';
import { type DebianPackage, openDebian, packageSchema } from './debian.ts';
import { packLayer } from './squashfs.ts';
import { type Tools, toolsIn } from './tools.ts';
import { unpackArchives } from './tree.ts';

const suite = 'trixie';
const components = ['main', 'contrib', 'non-free-firmware'];

const lockSchema = z.strictObject({
  suite: z.string(),
  /** Day on which the versions were looked up. */
  resolved: z.iso.date(),
  packages: z.array(packageSchema),
  tools: z.array(packageSchema),
  /** Debian's own kernel. */
  kernel: z.array(packageSchema),
  /** Firmware for cards. */
  firmware: z.array(packageSchema).default([]),
});

export type PackageLock = z.infer<typeof lockSchema>;

export interface Base {
  /** The packed layer. */
  readonly file: string;
  readonly digest: string;
  /** Day on which its versions were looked up: what was mended since then is not in it. */
  readonly resolved: string;
  readonly packages: readonly DebianPackage[];
  readonly tools: Tools;
}

export interface BaseOptions {
  /** `rescue/` of the program; in `cache/` of it lies what a release brings along, so that no mirror is needed. */
  readonly rescue: string;
  /** Versions that were looked up since the program was made; those that came with it count where there are none. */
  readonly lock: string;
  /** Where bases are kept. */
  readonly cache: string;
  /** The program that goes in as `/usr/bin/node`. */
  readonly node: string;
  readonly say: (text: string) => void;
}

/**
 * The base, made where it is not kept yet.
 *
 * @throws LifeboatError `not-found` where the mirror has the exact versions no longer, `rescue-incomplete` for one that would not work
 */
export async function rescueBase(host: Host, options: BaseOptions, signal: AbortSignal): Promise<Base> {
  const { cache, node, say } = options;
  const lock = await readLock(options);
  const tools = await mediumTools(host, options, signal);
  const inputs = await Promise.all(
    [node, ...made.map(sourceOf)].map(async (file) => hash('sha256', await readFile(file))),
  );
  const digest = digestOf([lock.packages, inputs]);
  const directory = await kept(`base-${digest}`, options, async (work) => {
    const root = join(work, 'root');
    await mkdir(root);
    say('the base of the rescue system is made: this takes minutes, once');
    const archives = await (
      await openDebian(host, { suite: lock.suite, components, directory: join(cache, 'apt') }, signal)
    ).fetch(lock.packages, signal);
    await makeRoot(host, { archives, node, tools }, root, signal);
    await packLayer(tools, root, join(work, 'base.squashfs'), { packed: 'once' }, signal);
    await rm(root, { recursive: true });
  });
  return { file: join(directory, 'base.squashfs'), digest, resolved: lock.resolved, packages: lock.packages, tools };
}

/**
 * The programs that make media, without a base.
 *
 * @throws LifeboatError as {@link rescueBase} does
 */
export async function mediumTools(host: Host, options: BaseOptions, signal: AbortSignal): Promise<Tools> {
  const { tools } = await readLock(options);
  return toolsIn(host, await keptTree(host, `tools-${digestOf(tools)}`, tools, options, signal));
}

/**
 * Debian's own kernel, for hosts of whose kernel no modules can be taken.
 *
 * @throws LifeboatError as {@link rescueBase} does
 */
export async function debianKernel(
  host: Host,
  options: BaseOptions,
  tools: Tools,
  signal: AbortSignal,
): Promise<Kernel> {
  const lock = await readLock(options);
  const versionIn = async (tree: string): Promise<string> => {
    const [version] = await kernelsBelow(tree);
    if (version !== undefined) return version;
    throw new LifeboatError('bug', `the package of Debian's kernel has no modules: ${tree}`);
  };
  const tree = await keptTree(host, `kernel-${digestOf(lock.kernel)}`, lock.kernel, options, signal, async (work) => {
    await tools.run('depmod', ['-b', join(work, 'usr'), await versionIn(work)], {}, signal);
  });
  return await kernelBelow(tree, await versionIn(tree));
}

/**
 * Firmware for cards that this host need not have, as Debian has it.
 *
 * @returns a directory of firmware
 * @throws LifeboatError as {@link rescueBase} does
 */
export async function debianFirmware(host: Host, options: BaseOptions, signal: AbortSignal): Promise<string> {
  const { firmware } = await readLock(options);
  return join(await keptTree(host, `firmware-${digestOf(firmware)}`, firmware, options, signal), 'usr/lib/firmware');
}

async function readLock({ rescue, lock }: Pick<BaseOptions, 'rescue' | 'lock'>): Promise<PackageLock> {
  const path = (await isThere(lock)) ? lock : join(rescue, 'packages.lock');
  return lockSchema.parse(JSON.parse(await readFile(path, 'utf8')));
}

/** The lists of `rescue/` with the versions that the mirror has today. */
export async function resolveBase(
  host: Host,
  { rescue, cache }: Pick<BaseOptions, 'rescue' | 'cache'>,
  now: Date,
  signal: AbortSignal,
): Promise<PackageLock> {
  const debian = await openDebian(host, { suite, components, directory: join(cache, 'apt') }, signal);
  await debian.update(signal);
  const of = async (list: string) => [...(await debian.resolve(await readList(join(rescue, list)), signal))];
  return {
    suite,
    resolved: now.toISOString().slice(0, 10),
    packages: await of('packages'),
    tools: await of('tools'),
    // The package that names the newest one, and what its scripts need, are not.
    kernel: [...(await debian.resolve(['linux-image-amd64'], signal))].filter(({ name }) =>
      /^linux-image-\d/.test(name),
    ),
    firmware: await of('firmware'),
  };
}

async function readList(file: string): Promise<readonly string[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => !line.startsWith('#'));
  return lines.flatMap((line) => line.split(/\s+/)).filter((name) => name !== '');
}

const digestOf = (value: unknown): string => hash('sha256', JSON.stringify(value)).slice(0, 16);

/** What decides on the content of a base besides its packages: what is compiled is read as it runs. */
const made = ['base-root', 'content', 'icu', 'libraries', 'squashfs', 'tree'];
/** Beside this, or where it was packed from. */
function sourceOf(name: string): string {
  const beside = join(import.meta.dirname, `${name}${extname(import.meta.filename)}`);
  return existsSync(beside) ? beside : join(import.meta.dirname, `../src/media/${name}.js`);
}

async function keptTree(
  host: Host,
  name: string,
  packages: readonly DebianPackage[],
  options: BaseOptions,
  signal: AbortSignal,
  finish: (work: string) => Promise<void> = async () => {},
): Promise<string> {
  return await kept(name, options, async (work) => {
    options.say(`fetched once: ${name.replace(/-.*/, '')}, ${packages.length} packages`);
    const place = { suite, components, directory: join(options.cache, 'apt') };
    const debian = await openDebian(host, place, signal);
    await unpackArchives(host, await debian.fetch(packages, signal), work, signal);
    await finish(work);
  });
}

/**
 * A directory that came with the program, or that was made before; else makes it beside its place and puts it there when it is whole.
 *
 * @param name with a digest of all that it is made from
 */
async function kept(
  name: string,
  { rescue, cache }: Pick<BaseOptions, 'rescue' | 'cache'>,
  make: (work: string) => Promise<void>,
): Promise<string> {
  const shipped = join(rescue, 'cache', name);
  if (await isThere(shipped)) return shipped;
  const directory = join(cache, name);
  if (await isThere(directory)) return directory;
  await mkdir(cache, { recursive: true });
  await using lock = await lockFile(`${directory}.lock`);
  if (lock === undefined) throw new LifeboatError('locked', `somebody else makes ${directory} just now`);
  if (await isThere(directory)) return directory;
  const work = `${directory}.new`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  await make(work);
  await rename(work, directory);
  return directory;
}

const isThere = async (path: string): Promise<boolean> =>
  await stat(path).then(
    () => true,
    () => false,
  );
