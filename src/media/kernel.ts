/** Which kernel a medium starts: the host's own, or Debian's where the host's has no modules to take. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';
import { type KernelModules, readModules } from './modules.ts';

export interface Kernel {
  readonly file: string;
  readonly modules: KernelModules;
}

/**
 * A kernel below a root: the host's `/`, or where a package was unpacked.
 *
 * @throws LifeboatError `not-found`
 */
export async function kernelBelow(root: string, version: string): Promise<Kernel> {
  const modules = await readModules(join(root, 'usr/lib/modules'), version);
  for (const name of [`boot/vmlinuz-${version}`, `usr/lib/modules/${version}/vmlinuz`]) {
    const file = join(root, name);
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    if (isThere) return { file, modules };
  }
  throw new LifeboatError('not-found', `no file of the kernel ${version} below ${join(root, 'boot')}`, {
    hint: "Take Debian's own kernel with --kernel debian.",
  });
}

/** Releases of the kernels that have modules below a root, the newest last. */
export async function kernelsBelow(root: string): Promise<readonly string[]> {
  const names = await readdir(join(root, 'usr/lib/modules')).catch(() => []);
  return names.sort(new Intl.Collator('en', { numeric: true }).compare);
}
