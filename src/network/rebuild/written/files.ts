/** Files of configuration of a system that lies below a directory. Nothing outside of it is read or written, wherever links lead. */
import { basename, dirname, join } from 'node:path/posix';
import type { Host } from '../../../host/host.ts';
import { LifeboatError } from '../../../kernel/errors.ts';
import { nameFromBytes, nameToBytes, printable } from '../../../kernel/text.ts';
import { configPlaces, isConfig, sysctlFile, sysctlPlaces } from '../../places.ts';

/** Names of bytes, with a NUL after each. */
const names = (stdout: Buffer): string[] => nameFromBytes(stdout).split('\0').slice(0, -1);

/**
 * Regular files alone, by their paths in the system.
 *
 * @throws LifeboatError `refused` where a link is on the way
 */
export async function filesBelow(host: Host, root: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const top = await realRoot(host, root, signal);
  const places = [...configPlaces, ...sysctlPlaces.slice(0, 1), sysctlFile].map((place) => join(top, place));
  const find = ['find', '-P', ...places, '-type', 'f', '-print0'] as const;
  // What is not there makes it end with 1.
  const { stdout } = await host.run(find, { okCodes: [0, 1] }, signal);
  const found = names(stdout).filter((file) => isConfig(inside(file, top)));
  await refuseStrays(host, found.map(dirname), signal);
  const contents = new Map<string, string>();
  for (const file of found.toSorted()) {
    contents.set(inside(file, top), nameFromBytes(await host.read(file, {}, signal)));
  }
  return contents;
}

/**
 * Of these directories none may be reached through a link, which could lead anywhere.
 *
 * @throws LifeboatError `refused`
 */
export async function refuseStrays(host: Host, directories: readonly string[], signal: AbortSignal): Promise<void> {
  const all = [...new Set(directories)];
  if (all.length === 0) return;
  const { stdout } = await host.run(['realpath', '-z', '-m', '--', ...all], {}, signal);
  const stray = names(stdout).findIndex((path, index) => path !== all[index]);
  if (stray === -1) return;
  throw new LifeboatError('refused', printable(`on the way to ${all[stray]} is a link that leads somewhere else`), {
    hint: 'Mount the system that is meant, and name the directory it is mounted at.',
  });
}

/** Those of these files that are there and are files: never what a link leads to, nor a pipe. */
export async function regularFiles(
  host: Host,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (paths.length === 0) return new Set();
  const find = ['find', '-P', ...paths, '-maxdepth', '0', '-type', 'f', '-print0'] as const;
  const { stdout } = await host.run(find, { okCodes: [0, 1] }, signal);
  return new Set(names(stdout));
}

const inside = (file: string, top: string): string => (top === '/' ? file : file.slice(top.length));

/** The directory itself. @throws LifeboatError `not-found` */
export async function realRoot(host: Host, root: string, signal: AbortSignal): Promise<string> {
  const { code, stdout } = await host.run(['realpath', '-e', '--', root], { okCodes: [0, 1] }, signal);
  const path = nameFromBytes(stdout).replace(/\n$/, '');
  if (code === 0 && path !== '') return path;
  throw new LifeboatError('not-found', printable(`there is no directory ${root}`), {
    hint: 'Name the directory at which the system is mounted that the configuration belongs to.',
  });
}

/** Where the new content of a file waits until all are there: no program reads a file that is called so. */
export const stagedPath = (path: string): string => join(dirname(path), `.${basename(path)}.lifeboat`);

/**
 * A new file with everything that another has but its content, on disk when the call ends. It has the owner and mode before the first byte is
 * in it, and whatever had its name before is gone: nothing is written through a link.
 */
export async function writeLike(
  host: Host,
  like: string,
  path: string,
  content: string,
  signal: AbortSignal,
): Promise<void> {
  // "all", as it alone does without labels of SELinux where the kernel knows none.
  const copy = ['cp', '--attributes-only', '--preserve=all', '--remove-destination', '-T', '--', like, path] as const;
  await host.run(copy, {}, signal);
  const write = ['dd', `of=${path}`, 'bs=64k', 'oflag=nofollow', 'conv=nocreat,fsync', 'status=none'] as const;
  await host.run(write, { stdin: nameToBytes(content) }, signal);
}
