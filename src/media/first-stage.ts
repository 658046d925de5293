/** The first file system that the kernel unpacks: it finds the medium and puts the rescue system together. */
import { createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, symlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { cpio } from './cpio.ts';
import { addModules } from './module-tree.ts';
import { closureOf, type KernelModules, readChoice } from './modules.ts';
import type { Tools } from './tools.ts';

export interface FirstStage {
  /** Of the host that the medium is made for, or Debian's own. */
  readonly modules: KernelModules;
  /** Names of modules that the host has loaded; those of them go in that disks may need. */
  readonly hostModules: ReadonlySet<string>;
  /** `rescue/` of the program. */
  readonly rescue: string;
}

/**
 * Writes it to `file`.
 *
 * @param work an empty directory, in which it is put together
 */
export async function writeFirstStage(
  { modules, hostModules, rescue }: FirstStage,
  tools: Tools,
  work: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(join(work, 'bin'));
  // There busybox looks for modules.
  await symlink('usr/lib', join(work, 'lib'));
  await copyFile(tools.file('usr/bin/busybox'), join(work, 'bin/busybox'));
  await copyFile(join(rescue, 'first/init'), join(work, 'init'));
  for (const name of ['bin/busybox', 'init']) await chmod(join(work, name), 0o755);
  const chosen = closureOf(modules, await readChoice(join(rescue, 'first/modules')), hostModules);
  await addModules(modules, chosen, work, false, tools, signal);
  const entries = await readdir(work, { recursive: true, withFileTypes: true });
  const list = entries
    .map((entry) => join(entry.parentPath, entry.name))
    .map((from) => ({ name: relative(work, from), from }));
  list.sort((a, b) => (a.name < b.name ? -1 : 1));
  const packing = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 9 } });
  await pipeline(cpio(list), packing, createWriteStream(file), { signal });
}
