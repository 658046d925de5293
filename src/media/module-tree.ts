/** Modules of a kernel, copied to where another root has them. */
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasErrno } from '../kernel/errors.ts';
import type { KernelModules } from './modules.ts';
import type { Tools } from './tools.ts';

const unpackers: Readonly<Record<string, readonly [program: string, ...args: string[]]>> = {
  xz: ['xz', '--decompress', '--quiet'],
  zst: ['zstd', '--decompress', '--rm', '--quiet'],
  gz: ['gzip', '--decompress', '--quiet'],
};

/**
 * Puts files of modules below `<root>/usr/lib/modules`, with an index of them.
 *
 * @param packed whether they stay as they are compressed; what has no loader that knows how takes them plain
 */
export async function addModules(
  { version, directory }: KernelModules,
  files: readonly string[],
  root: string,
  packed: boolean,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const target = join(root, 'usr/lib/modules', version);
  await mkdir(target, { recursive: true });
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo']) {
    await copyFile(join(directory, name), join(target, name)).catch((error: unknown) => {
      // Old kernels have no list of what is built in, by parts of it.
      if (!hasErrno(error, 'ENOENT')) throw error;
    });
  }
  for (const folder of new Set(files.map(dirname))) await mkdir(join(target, folder), { recursive: true });
  for (const file of files) await copyFile(join(directory, file), join(target, file));
  if (!packed) {
    for (const [suffix, [program, ...args]] of Object.entries(unpackers)) {
      const some = files.filter((file) => file.endsWith(`.${suffix}`)).map((file) => join(target, file));
      if (some.length > 0) await tools.run(program, [...args, ...some], {}, signal);
    }
  }
  await tools.run('depmod', ['-b', join(root, 'usr'), version], {}, signal);
}
