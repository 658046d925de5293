/** Puts a medium together: base, host's layer, kernel and first stage, in a directory that every format is written from. */
import { hash, randomBytes } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Base } from './base.ts';
import { writeFirstStage } from './first-stage.ts';
import { type Driven, refuseUndriven } from './drivers.ts';
import { type FirmwareChoice, type HostFile, makeHostLayer } from './host-layer.ts';
import { type Medium, mediumFormat } from './medium.ts';
import { type KernelModules, moduleName } from './modules.ts';
import { listLayer } from './layer-list.ts';
import { packLayer } from './squashfs.ts';
import { refuseMissing, whatWouldNotStart } from './starts.ts';
import type { MenuEntry } from './formats/format.ts';

export interface MediumRequest {
  readonly base: Base;
  /** Folder of the program. */
  readonly program: string;
  readonly version: string;
  readonly host: string;
  /** File of the kernel. */
  readonly kernel: string;
  readonly modules: KernelModules;
  readonly hostModules: ReadonlySet<string>;
  readonly allModules: boolean;
  readonly firmware: FirmwareChoice;
  /** What of the host the medium has to have drivers for. */
  readonly devices: readonly Driven[];
  readonly files: readonly HostFile[];
  readonly of: Medium['of'];
  readonly hostKey?: string;
  readonly secrets: readonly string[];
  /** Whether the configuration that is among the files is signed. */
  readonly signed: boolean;
  /** Words for the kernel's command line, besides those that every medium has. */
  readonly words: readonly string[];
}

export interface BuiltMedium {
  /** With `lifeboat/` in it. */
  readonly directory: string;
  readonly medium: Medium;
  /** Of `SHA256SUMS`, and so of all that the medium consists of. */
  readonly digest: string;
  readonly entries: readonly MenuEntry[];
}

/** @param work an empty directory that lives as long as the result is needed */
export async function buildMedium(
  request: MediumRequest,
  work: string,
  now: Date,
  signal: AbortSignal,
): Promise<BuiltMedium> {
  const { base, program, kernel, modules, hostModules } = request;
  const { tools } = base;
  const [directory, layer, first] = ['medium', 'layer', 'first'].map((name) => join(work, name));
  if (directory === undefined || layer === undefined || first === undefined) throw new Error('three names');
  const target = join(directory, 'lifeboat');
  for (const path of [target, layer, first]) await mkdir(path, { recursive: true });
  const { modules: chosen, unserved } = await makeHostLayer(request, tools, layer, signal);
  const names = chosen.map(moduleName);
  const own = { version: modules.version, root: layer, names: new Set(names) };
  await refuseUndriven(request.devices, own, tools, signal);
  const missing = await whatWouldNotStart([layer], await listLayer(tools, base.file, signal));
  refuseMissing(missing, 'Install lifeboat anew, by the package that was made for this host.');
  const id = randomBytes(8).toString('hex');
  const medium: Medium = {
    format: mediumFormat,
    id,
    made: now.toISOString(),
    host: request.host,
    version: request.version,
    kernel: { version: modules.version, sha256: hash('sha256', await readFile(kernel)) },
    base: { digest: base.digest, resolved: base.resolved },
    of: request.of,
    modules: names,
    ...(unserved.length === 0 ? {} : { unserved: unserved.map(({ module }) => module) }),
    ...(request.hostKey === undefined ? {} : { hostKey: request.hostKey }),
    ...(request.signed ? { signed: true } : {}),
    secrets: [...request.secrets],
  };
  const text = `${JSON.stringify(medium, null, 2)}\n`;
  await mkdir(join(layer, 'etc/lifeboat'), { recursive: true });
  await writeFile(join(layer, 'etc/lifeboat/medium.json'), text);
  await writeFile(join(target, 'medium.json'), text);
  // GRUB finds its place by this one.
  await writeFile(join(target, id), '');
  await copyFile(kernel, join(target, 'vmlinuz'));
  await copyFile(base.file, join(target, 'base.squashfs'));
  await packLayer(tools, layer, join(target, 'host.squashfs'), { packed: 'often' }, signal);
  const rescue = join(program, 'rescue');
  await writeFirstStage({ modules, hostModules, rescue }, tools, first, join(target, 'initrd'), signal);
  const sums = await sumsOf(target, ['base.squashfs', 'host.squashfs', 'initrd', 'medium.json', 'vmlinuz']);
  await writeFile(join(target, 'SHA256SUMS'), sums);
  // The last console is where the first process itself speaks; it repeats all on the others.
  const words = [`lifeboat.medium=${id}`, 'console=ttyS0,115200', 'console=tty0', 'quiet', ...request.words];
  return {
    directory,
    medium,
    digest: hash('sha256', sums),
    entries: [
      { title: 'lifeboat rescue', words },
      { title: 'lifeboat rescue, copied to memory', words: [...words, 'lifeboat.toram'] },
      {
        title: 'lifeboat rescue, telling all that it does',
        words: [...words.filter((word) => word !== 'quiet'), 'lifeboat.debug'],
      },
    ],
  };
}

/** As sha256sum(1) prints and checks it. */
async function sumsOf(directory: string, names: readonly string[]): Promise<string> {
  const lines = names.map(async (name) => `${hash('sha256', await readFile(join(directory, name)))}  ${name}\n`);
  return (await Promise.all(lines)).join('');
}
