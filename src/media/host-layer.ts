/** The layer of one host: lifeboat itself, the kernel's modules and firmware that its hardware needs, and what was captured of it. */
import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { addModules } from './module-tree.ts';
import { closureOf, type KernelModules, readPatterns } from './modules.ts';
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
  readonly files: readonly HostFile[];
}

/**
 * Puts it together in an empty directory.
 *
 * @returns files of the modules that are in it
 */
export async function makeHostLayer(
  { program, modules, hostModules, allModules, files }: HostLayer,
  tools: Tools,
  work: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rescue = join(program, 'rescue');
  await cp(join(rescue, 'root'), work, { recursive: true, verbatimSymlinks: true });
  await copyProgram(program, join(work, 'usr/lib/lifeboat'));
  await mkdir(join(work, 'usr/bin'), { recursive: true });
  await symlink('../lib/lifeboat/bin/lifeboat.js', join(work, 'usr/bin/lifeboat'));
  const patterns = allModules ? [/./] : await readPatterns(join(rescue, 'modules'));
  const chosen = closureOf(modules, patterns, hostModules);
  await addModules(modules, chosen, work, true, tools, signal);
  for (const { path, content, mode = 0o644 } of files) {
    const target = join(work, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
    await chmod(target, mode);
  }
  return chosen;
}
