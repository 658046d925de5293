/**
 * Debian packages of any release, with all that they depend on, unpacked into one tree in the user's cache. apt does the
 * work in a state of its own: nothing is installed, and the machine's apt is not touched.
 */
import { execFile, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { cachedDirectory, cachePath, exists, lockWhenFree } from '../helpers/cache.ts';
import { output } from '../helpers/child-process.ts';

export type Suite = 'bullseye' | 'bookworm' | 'trixie' | 'sid';

/** Where the tree names the packages in it, as lines of `name=version`. */
export const packageList = 'PACKAGES';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * The tree with the closure of these packages. What it holds is chosen when it is made, and stays so until the cache is
 * removed; {@link packageList} in it says what that is.
 *
 * @throws Error with the reason where there is no way to get it
 */
export async function unpackedPackages(suite: Suite, packages: readonly string[]): Promise<string> {
  const wanted = [...packages].sort();
  return await cachedDirectory(
    `lab/packages/${suite}-${hash('sha256', wanted.join(' ')).slice(0, 16)}`,
    async (tree) => {
      const archives = await debianArchives(suite, wanted);
      // As every system of today has it; of what Debian 11 ships, part still lies outside of /usr.
      for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
        await mkdir(join(tree, 'usr', name), { recursive: true });
        await symlink(`usr/${name}`, join(tree, name));
      }
      for (const archive of archives) await unpack(archive.path, tree);
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
 * The archives of these packages and of all that they depend on; what depends on something comes after it. `?essential` is all that every
 * Debian has.
 *
 * @throws Error with the reason where they cannot be had
 */
export async function debianArchives(suite: Suite, packages: readonly string[]): Promise<readonly Archive[]> {
  for (const tool of ['apt-get', 'dpkg-deb', 'tar']) {
    if (!(await exists(`/usr/bin/${tool}`)) && !(await exists(`/bin/${tool}`))) {
      throw new Error(`${suite}: no ${tool} here to fetch packages with`);
    }
  }
  if (!(await exists(keyring))) throw new Error(`${suite}: no ${keyring}: install debian-archive-keyring`);
  const directory = cachePath('lab/apt', suite);
  await using _lock = await lockWhenFree(directory);
  const apt = await aptOf(suite, directory);
  const install = ['install', '--no-install-recommends', ...packages];
  const fetch = () => apt('-qq', '--download-only', '-y', ...install);
  try {
    await fetch().catch(async () => {
      // No lists yet, or such as name versions that the mirror has dropped since.
      await apt('-qq', 'update', '--error-on=any');
      await fetch();
    });
  } catch (error) {
    const detail = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`${suite}: cannot fetch ${packages.join(' ')}: ${detail}`, { cause: error });
  }
  const plan = await apt('-s', ...install);
  return plan.split('\n').flatMap((line) => {
    const [, name, version, architecture] = /^Inst (\S+) \((\S+) .*\[(\w+)\]\)/.exec(line) ?? [];
    if (name === undefined || version === undefined || architecture === undefined) return [];
    const file = `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`;
    return [{ name: `${name}=${version}`, path: join(directory, 'archives', file) }];
  });
}

/** apt-get with the machine's own settings (proxies, certificates), but with directories and one source of its own. */
async function aptOf(suite: Suite, directory: string): Promise<(...args: readonly string[]) => Promise<string>> {
  await mkdir(join(directory, 'lists/partial'), { recursive: true });
  await mkdir(join(directory, 'archives/partial'), { recursive: true });
  await writeFile(join(directory, 'status'), '');
  await writeFile(
    join(directory, 'sources.list'),
    `deb [signed-by=${keyring}] ${await mirror()} ${suite} main contrib\n`,
  );
  await writeFile(
    join(directory, 'apt.conf'),
    `Dir::State "${directory}";
Dir::State::status "${directory}/status";
Dir::Cache "${directory}";
Dir::Etc::sourcelist "${directory}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures "amd64";
// As root, apt would fetch as a user that cannot write here.
APT::Sandbox::User "root";
// Releases that are no longer looked after have expired; the signature counts all the same.
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
#clear APT::Update;
#clear DPkg;
`,
  );
  return async (...args) => {
    const all = ['-c', join(directory, 'apt.conf'), ...args];
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    const { stdout } = await promisify(execFile)('apt-get', all, { env, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  };
}

/** The mirror that the machine itself takes Debian from. */
async function mirror(): Promise<string> {
  const addresses = await output('apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages');
  return addresses.split('\n').find((address) => /\/debian\/?$/.test(address)) ?? 'http://deb.debian.org/debian';
}

/** `dpkg-deb -x` that follows the links in the tree, in place of putting directories there. */
async function unpack(archive: string, tree: string): Promise<void> {
  const reader = spawn('dpkg-deb', ['--fsys-tarfile', archive], { stdio: ['ignore', 'pipe', 'inherit'] });
  const unread = ['doc', 'man', 'info', 'locale', 'lintian'].map((name) => `--exclude=./usr/share/${name}`);
  // Zeros are ignored, so that tar reads to the end of its input: dpkg-deb would fail if it stopped before.
  const args = ['-xi', '--keep-directory-symlink', '--no-same-owner', '--warning=no-timestamp', ...unread, '-C', tree];
  const writer = spawn('tar', args, { stdio: ['pipe', 'ignore', 'inherit'] });
  const ends = [once(reader, 'exit'), once(writer, 'exit')];
  await pipeline(reader.stdout, writer.stdin);
  for (const [status] of await Promise.all(ends)) {
    if (status !== 0) throw new Error(`cannot unpack ${archive}: status ${String(status)}`);
  }
}

/** Runs a program here with the libraries of an unpacked tree, with which it came. */
export async function inTree(tree: string, program: string, ...args: readonly string[]): Promise<string> {
  const libraries = join(tree, 'usr/lib/x86_64-linux-gnu');
  const loader = join(libraries, 'ld-linux-x86-64.so.2');
  return await output(loader, '--library-path', libraries, program, ...args);
}
