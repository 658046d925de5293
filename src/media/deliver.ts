/** Puts a medium where it is to be: a file or directory in place of the one that was there, a stick, or the menu of a host's GRUB. */
import { chmod, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { chrootHost } from '../host/chroot.ts';
import type { Host } from '../host/host.ts';
import { makeDirectory, syncDirectory } from '../kernel/atomic-write.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Format, FormatPlace, FormatSource } from './formats/format.ts';
import { addGrubEntry, grubFolder } from './grub-entry.ts';
import type { Stick } from './stick.ts';
import { writeStick } from './stick-write.ts';

export type Destination =
  | { readonly kind: 'path'; readonly path: string; readonly format: Format }
  | { readonly kind: 'stick'; readonly stick: Stick }
  /** @param root of the system in whose menu it goes, `/` for this host */
  | { readonly kind: 'grub'; readonly root: string; readonly format: Format };

/** The system below a directory, which may be the host itself. */
export const systemAt = (host: Host, root: string): Host => (root === '/' ? host : chrootHost(host, root));

/** @returns a file or directory with it, or the device */
export const placeOf = (to: Destination): string =>
  to.kind === 'path' ? to.path : to.kind === 'stick' ? to.stick.path : join(to.root, grubFolder);

/**
 * @param prove is called with what was written before it takes its place; where it throws, what was there stays. A stick is written then.
 * @returns bytes of it
 * @throws LifeboatError as the format does; `no-space`
 */
export async function deliver(
  source: FormatSource,
  to: Destination,
  place: Omit<FormatPlace, 'output'>,
  host: Host,
  prove: (file: string) => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  if (to.kind === 'stick') {
    await writeStick(source, to.stick, place, host, signal);
    await prove(to.stick.path);
    return to.stick.disk.sizeBytes;
  }
  const output = placeOf(to);
  await makeDirectory(dirname(output));
  await refuseFull(source, dirname(output));
  // Beside its place, so that a medium that was there stays until the new one is whole.
  const part = join(dirname(output), `.${source.id}.part`);
  try {
    await to.format.write(source, { ...place, output: part }, signal);
    // In it are the configuration of the host and the key of an ssh server, which not every user of it may read.
    if (to.format.makes === 'file') await chmod(part, 0o600);
    await prove(part);
    await putInPlace(part, output, to.format);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  if (to.kind === 'grub') {
    await addGrubEntry(systemAt(host, to.root), source.id, source.entries, signal);
  }
  return await bytesOf(output);
}

/** Every format has all that the medium consists of in it. */
async function refuseFull({ directory }: FormatSource, folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = await bytesOf(join(directory, 'lifeboat'));
  if (bavail * bsize > needed) return;
  throw new LifeboatError(
    'no-space',
    `no room for the medium in ${folder}: ${formatBytes(bavail * bsize)} are free, it needs ${formatBytes(needed)}`,
    { hint: 'Make room there: a medium that is there already stays until the new one is whole.' },
  );
}

/** A directory cannot take the place of another at once: the one that was there is moved aside first. */
async function putInPlace(part: string, output: string, { makes }: Format): Promise<void> {
  const before = `${part}.before`;
  const wasThere = makes === 'directory' && (await isThere(output));
  if (wasThere) await rename(output, before);
  await rename(part, output);
  await syncDirectory(dirname(output));
  if (wasThere) await rm(before, { recursive: true });
}

const isThere = async (path: string): Promise<boolean> =>
  await stat(path).then(
    () => true,
    () => false,
  );

/** Of a file, or of all files in a directory. */
async function bytesOf(path: string): Promise<number> {
  const status = await stat(path);
  if (!status.isDirectory()) return status.size;
  const sizes = (await readdir(path)).map(async (name) => await bytesOf(join(path, name)));
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** @throws LifeboatError `usage` for what is no place for a medium of the format */
export async function checkOutput(path: string, { makes, isOwn }: Format): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) return;
  if (makes === 'file' && status.isFile()) return;
  if (makes === 'directory' && status.isDirectory()) {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory());
    if (files.every((entry) => isOwn?.(relative(path, join(entry.parentPath, entry.name))) === true)) return;
  }
  const is = status.isDirectory() ? 'a directory' : status.isFile() ? 'a file' : 'no file';
  throw new LifeboatError('usage', `${path} is ${is}${makes === 'directory' ? ' with other things in it' : ''}`, {
    hint:
      makes === 'file'
        ? 'Name the file that it is written to, such as rescue.iso.'
        : 'Name a directory for it alone, which is made where there is none.',
  });
}
