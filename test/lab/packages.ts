/**
 * Debian packages of any release, with all that they depend on, unpacked into one tree in the user's cache, as those of rescue media are:
 * nothing is installed, and the machine's apt is not touched.
 */
import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localHost } from '../../src/host/local.ts';
import { openDebian } from '../../src/media/debian.ts';
import { unpackArchives } from '../../src/media/tree.ts';
import { cachedDirectory, cachePath, lockWhenFree } from '../helpers/cache.ts';
import { output } from '../helpers/child-process.ts';

export type Suite = 'bullseye' | 'bookworm' | 'trixie' | 'sid';

/** Where the tree names the packages in it, as lines of `name=version`. */
export const packageList = 'PACKAGES';

/**
 * The tree with the closure of these packages. What it holds is chosen when it is made, and stays so until the cache is
 * removed; {@link packageList} in it says what that is.
 *
 * @throws LifeboatError with the reason where there is no way to get it
 */
export async function unpackedPackages(suite: Suite, packages: readonly string[]): Promise<string> {
  const wanted = [...packages].sort();
  return await cachedDirectory(
    `lab/packages/${suite}-${hash('sha256', wanted.join(' ')).slice(0, 16)}`,
    async (tree) => {
      const archives = await debianArchives(suite, wanted);
      const paths = archives.map(({ path }) => path);
      await unpackArchives(localHost(), paths, tree, new AbortController().signal);
      await writeFile(join(tree, packageList), archives.map(({ name }) => `${name}\n`).join(''));
    },
  );
}

export interface Archive {
  /** `name=version` */
  readonly name: string;
  readonly path: string;
}

/**
 * The archives of these packages and of all that they depend on, as {@link openDebian} resolves them.
 *
 * @throws LifeboatError with the reason where they cannot be had
 */
export async function debianArchives(suite: Suite, packages: readonly string[]): Promise<readonly Archive[]> {
  const { signal } = new AbortController();
  const directory = cachePath('lab/apt', suite);
  await using _lock = await lockWhenFree(directory);
  const debian = await openDebian(localHost(), { suite, directory }, signal);
  const fetch = async (): Promise<readonly Archive[]> => {
    const all = await debian.resolve(packages, signal);
    const paths = await debian.fetch(all, signal);
    return all.map(({ name, version }, index) => ({ name: `${name}=${version}`, path: paths[index] ?? '' }));
  };
  return await fetch().catch(async () => {
    // No lists yet, or such as name versions that the mirror has dropped since.
    await debian.update(signal);
    return await fetch();
  });
}

/** Runs a program here with the libraries of an unpacked tree, with which it came. */
export async function inTree(tree: string, program: string, ...args: readonly string[]): Promise<string> {
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  return await output(loader, '--library-path', libraries, program, ...args);
}
