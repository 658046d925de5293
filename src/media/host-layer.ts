/** The layer of one host: lifeboat itself, the kernel's modules and firmware that its hardware needs, and what was captured of it. */
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addFirmware, type Unserved } from './firmware.ts';
import { addModules } from './module-tree.ts';
import { closureOf, type KernelModules, moduleName, readChoice } from './modules.ts';
import { copyProgram } from './program.ts';
import type { Tools } from './tools.ts';

export interface HostFile {
  /** Absolute, in the rescue system. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** @default 0o644 */
  readonly mode?: number;
}

export interface HostLayer {
  /** Folder of the program. */
  readonly program: string;
  readonly modules: KernelModules;
  /** Names of modules besides those that every medium has. */
  readonly hostModules: ReadonlySet<string>;
  /** Whether all that there are go in. */
  readonly allModules: boolean;
  readonly firmware: FirmwareChoice;
  readonly files: readonly HostFile[];
}

export interface FirmwareChoice {
  /** For all modules that go in; otherwise for those that the host has loaded. */
  readonly all: boolean;
  /** Where it lies, what counts first. */
  readonly directories: readonly string[];
}

export interface MadeHostLayer {
  /** Files of those that are in it. */
  readonly modules: readonly string[];
  readonly unserved: readonly Unserved[];
}

/** Puts it together in an empty directory. */
export async function makeHostLayer(
  { program, modules, hostModules, allModules, firmware, files }: HostLayer,
  tools: Tools,
  work: string,
  signal: AbortSignal,
): Promise<MadeHostLayer> {
  const rescue = join(program, 'rescue');
  await cp(join(rescue, 'root'), work, { recursive: true, verbatimSymlinks: true });
  await copyProgram(program, join(work, 'usr/lib/lifeboat'));
  await mkdir(join(work, 'usr/bin'), { recursive: true });
  await symlink('../lib/lifeboat/bin/lifeboat.js', join(work, 'usr/bin/lifeboat'));
  const choice = await readChoice(join(rescue, 'modules'));
  const chosen = closureOf(modules, allModules ? { ...choice, takes: [/./] } : choice, hostModules);
  await addModules(modules, chosen, work, true, tools, signal);
  const served = firmware.all ? chosen : chosen.filter((file) => hostModules.has(moduleName(file)));
  const at = join(work, 'usr/lib/modules', modules.version);
  const paths = served.map((file) => join(at, file));
  const unserved = await addFirmware(paths, firmware.directories, work, tools, signal);
  for (const { path, content, mode = 0o644 } of files) {
    const target = join(work, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    await chmod(target, mode);
  }
  return { modules: chosen, unserved };
}
