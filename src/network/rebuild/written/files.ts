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
 * @throws LifeboatError `refused` where a link on the way leads somewhere else
 */
export async function filesBelow(host: Host, root: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const top = await realRoot(host, root, signal);
  const places = [...configPlaces, ...sysctlPlaces.slice(0, 1), sysctlFile].map((place) => join(top, place));
  const find = ['find', '-P', ...places, '-type', 'f', '-print0'] as const;
  // What is not there makes it end with 1.
  const { stdout } = await host.run(find, { okCodes: [0, 1] }, signal);
  const found = names(stdout).filter((file) => isConfig(inside(file, top)));
  const directories = [...new Set(found.map((file) => dirname(file)))];
  if (directories.length > 0) {
    const real = await host.run(['realpath', '-z', '-e', '--', ...directories], {}, signal);
    const strays = names(real.stdout).filter((path, index) => path !== directories[index]);
    if (strays[0] !== undefined) {
      throw new LifeboatError('refused', printable(`a link below ${root} leads to ${strays[0]}`), {
        hint: 'Mount the system that is meant, and name the directory it is mounted at.',
      });
    }
  }
  const contents = new Map<string, string>();
  for (const file of found.toSorted()) {
    contents.set(inside(file, top), nameFromBytes(await host.read(file, {}, signal)));
  }
  return contents;
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

/** A new file with everything that another has but its content, on disk when the call ends. */
export async function writeLike(
  host: Host,
  like: string,
  path: string,
  content: string,
  signal: AbortSignal,
): Promise<void> {
  await host.run(['dd', `of=${path}`, 'bs=64k', 'conv=fsync', 'status=none'], { stdin: nameToBytes(content) }, signal);
  await host.run(
    ['cp', '--attributes-only', '--preserve=mode,ownership,xattr,context', '--', like, path],
    { okCodes: [0, 1] },
    signal,
  );
}
