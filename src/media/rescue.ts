/** A rescue medium for this host, from what is found of it to the file that boots. */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import { type BaseOptions, debianFirmware, debianKernel, rescueBase } from './base.ts';
import { buildMedium, type MediumRequest } from './build.ts';
import { deliver, type Destination, placeOf } from './deliver.ts';
import { drivenDevices } from './drivers.ts';
import { ownFirmware } from './firmware.ts';
import type { FormatOptions } from './formats/format.ts';
import type { HostFile } from './host-layer.ts';
import { type Kernel, kernelBelow, kernelsBelow } from './kernel.ts';
import { listLayer } from './layer-list.ts';
import type { Medium } from './medium.ts';
import { loadedModules } from './modules.ts';
import { largestShares, type Share } from './sizes.ts';
import { hostKeyIn, ownHostKeys, type RescueKey } from './ssh.ts';

export interface RescueRequest
  extends Pick<MediumRequest, 'program' | 'version' | 'host' | 'allModules' | 'of' | 'words'> {
  readonly to: Destination;
  /** What only some formats take. */
  readonly options?: FormatOptions;
  /**
   * Release of a kernel of the host; `debian`; or the root of another system, as an absolute path, for its newest kernel.
   *
   * @default the one that runs, or Debian's where that has no modules
   */
  readonly kernel?: string;
  /** Whether firmware for all cards goes in whose modules do. @default false: what the host's loaded modules ask for */
  readonly allFirmware?: boolean;
  /** Where what is made once is kept. */
  readonly cache: string;
  /** As in {@link BaseOptions}. */
  readonly lock: string;
  /** Where the key of the rescue system's ssh server is kept, so that it stays the same. */
  readonly stateDir: string;
  readonly node: string;
  /** What goes in of the host: configuration, captures. */
  readonly files: readonly HostFile[];
  /** What of it opens something, in words. @default nothing does */
  readonly secrets?: readonly string[];
  /** Whether the configuration among them is signed by the host. @default false */
  readonly signed?: boolean;
  /** Whether its ssh server is known by the keys of the host, and not by one of its own. @default false */
  readonly keepHostKeys?: boolean;
  readonly say: (text: string) => void;
  /** Called with the new medium before it takes its place; one that it throws for does not. */
  readonly prove?: (file: string, medium: Medium, digest: string) => Promise<void>;
}

export interface RescueMedium {
  /** File, directory or device. */
  readonly place: string;
  readonly medium: Medium;
  /** Of all that it consists of, as in {@link BuiltMedium}. */
  readonly digest: string;
  readonly bytes: number;
  /** Bytes of what it is made of, by name. */
  readonly parts: Readonly<Record<string, number>>;
  /** What of the rescue system is largest. */
  readonly largest: readonly Share[];
}

/** @throws LifeboatError as {@link rescueBase} does; `no-space` */
export async function makeRescue(
  host: Host,
  request: RescueRequest,
  now: Date,
  signal: AbortSignal,
): Promise<RescueMedium> {
  const { program, cache, node, say } = request;
  const rescue = join(program, 'rescue');
  const options: BaseOptions = { rescue, lock: request.lock, cache, node, say };
  const base = await rescueBase(host, options, signal);
  const kernel = await chosenKernel(
    request,
    async () => await debianKernel(host, options, base.tools, signal),
    host,
    signal,
  );
  const key = await keyOf(request);
  const work = await mkdtemp(join(tmpdir(), 'lifeboat-rescue-'));
  await using _work = { [Symbol.asyncDispose]: async () => await rm(work, { recursive: true, force: true }) };
  say(`put together with the kernel ${kernel.modules.version}`);
  const built = await buildMedium(
    {
      ...request,
      base,
      kernel: kernel.file,
      modules: kernel.modules,
      hostModules: await loadedModules(),
      firmware: {
        all: request.allFirmware === true,
        directories: [
          ...ownFirmware(kernel.modules.version),
          ...(request.allFirmware === true ? [await debianFirmware(host, options, signal)] : []),
        ],
      },
      devices: await drivenDevices('/sys'),
      files: [...(key?.files ?? []), ...(await authorizedKeys()), ...request.files],
      ...(key === undefined ? {} : { hostKey: key.fingerprint }),
      secrets: request.secrets ?? [],
      signed: request.signed === true,
    },
    work,
    now,
    signal,
  );
  const source = { directory: built.directory, id: built.medium.id, entries: built.entries };
  const place = { ...request.options, tools: base.tools, work };
  const prove = async (file: string) => await request.prove?.(file, built.medium, built.digest);
  const bytes = await deliver(source, request.to, place, host, prove, signal);
  const layers = ['base.squashfs', 'host.squashfs'].map(
    async (name) => await listLayer(base.tools, join(built.directory, 'lifeboat', name), signal),
  );
  const names = ['base.squashfs', 'host.squashfs', 'initrd', 'vmlinuz'];
  const sizes = names.map(async (name) => [name, (await stat(join(built.directory, 'lifeboat', name))).size] as const);
  return {
    place: placeOf(request.to),
    medium: built.medium,
    digest: built.digest,
    bytes,
    parts: Object.fromEntries(await Promise.all(sizes)),
    largest: largestShares((await Promise.all(layers)).flat(), 20),
  };
}

/** @returns `undefined` for media that anybody can read: such a rescue system makes a key when it starts */
async function keyOf({ to, keepHostKeys, stateDir }: RescueRequest): Promise<RescueKey | undefined> {
  if (to.kind === 'path' && to.format.isPublic === true) return undefined;
  if (keepHostKeys === true) return await ownHostKeys();
  return await hostKeyIn(join(stateDir, 'rescue'));
}

async function chosenKernel(
  { kernel, say }: RescueRequest,
  debian: () => Promise<Kernel>,
  host: Host,
  signal: AbortSignal,
): Promise<Kernel> {
  if (kernel === 'debian') return await debian();
  if (kernel?.startsWith('/') === true) {
    const newest = (await kernelsBelow(kernel)).at(-1);
    if (newest !== undefined) return await kernelBelow(kernel, newest);
    throw new LifeboatError('not-found', `no modules of any kernel below ${kernel}`, {
      hint: 'Name the root of a system, such as /mnt/other.',
    });
  }
  if (kernel !== undefined) return await kernelBelow('/', kernel);
  const { stdout } = await host.run(['uname', '-r'], {}, signal);
  try {
    return await kernelBelow('/', stdout.toString().trim());
  } catch (error) {
    const { code, message } = asLifeboatError(error);
    if (code !== 'not-found') throw error;
    say(`${message}: the medium starts with Debian's kernel`);
    return await debian();
  }
}

/** Who may log in to this host as root may do so in the rescue system. */
async function authorizedKeys(): Promise<readonly HostFile[]> {
  const path = '/root/.ssh/authorized_keys';
  const content = await readIfThere(path);
  if (content === undefined || content.length === 0) return [];
  return [{ path, content, mode: 0o600 }];
}
