/**
 * Debian packages in exact versions. apt does the work, in a state of its own: nothing is installed, and the host's own apt is not
 * touched. What is fetched is what Debian signed.
 */
import { hash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { readIfThere } from '../kernel/read-if-there.ts';

export const packageSchema = z.strictObject({
  name: z.string(),
  version: z.string(),
  /** Name of the archive, as apt calls it. */
  file: z.string(),
  sha256: z.string(),
});

export type DebianPackage = z.infer<typeof packageSchema>;

export interface Debian {
  /** Has the mirror's lists as they are now. */
  update(signal: AbortSignal): Promise<void>;
  /**
   * These packages with all that they depend on, as the lists have them; what depends on something comes after it. `?essential` is all that
   * every Debian has.
   *
   * @throws LifeboatError `command-failed` where there are no lists, or a package is not in them
   */
  resolve(names: readonly string[], signal: AbortSignal): Promise<readonly DebianPackage[]>;
  /**
   * Exactly these.
   *
   * @returns paths of the archives, in the same order, each with the content that was resolved
   * @throws LifeboatError `not-found` where the mirror has one no longer
   */
  fetch(packages: readonly DebianPackage[], signal: AbortSignal): Promise<readonly string[]>;
}

export interface DebianOptions {
  /** Code name of the release. */
  readonly suite: string;
  /** Where apt keeps lists and archives. */
  readonly directory: string;
  /** Parts of the archive. @default main and contrib, which all releases have */
  readonly components?: readonly string[];
  /** Base address. @default the mirror that the host itself takes Debian from, else deb.debian.org */
  readonly mirror?: string;
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** The lists of a slow mirror, or three hundred archives from one. */
const limitMs = 1_800_000;

/**
 * Of those who work in one directory at the same time, all but one fail: apt has locks.
 *
 * @throws LifeboatError `tool-missing` on a host without apt or the keys of Debian's archive
 */
export async function openDebian(host: Host, options: DebianOptions, signal: AbortSignal): Promise<Debian> {
  const { directory } = options;
  const { code } = await host.run(['test', '-e', keyring], { okCodes: [0, 1] }, signal);
  if (code !== 0) {
    throw new LifeboatError('tool-missing', `the keys of Debian's archive are not here: ${keyring}`, {
      hint: 'Install debian-archive-keyring.',
    });
  }
  const apt = await aptOf(host, options, signal);
  const update = async (): Promise<void> => {
    await apt(['-qq', 'update', '--error-on=any'], signal);
  };
  const pathOf = ({ file }: DebianPackage): string => join(directory, 'archives', file);
  const listed = async (specs: readonly string[], extra: readonly string[]): Promise<readonly Listed[]> => {
    const lines = await apt([...extra, '--print-uris', '-qq', 'install', ...specs], signal);
    return lines.split('\n').flatMap((line) => {
      const [, file, sha256] = /^'[^']*' (\S+) \d+ SHA256:([0-9a-f]{64})$/.exec(line) ?? [];
      return file === undefined || sha256 === undefined ? [] : [{ file, sha256 }];
    });
  };
  return {
    update,
    async resolve(names) {
      const order = (await apt(['-s', 'install', ...names], signal)).split('\n').flatMap((line) => {
        const [, name, version] = /^Inst (\S+) \((\S+) /.exec(line) ?? [];
        return name === undefined || version === undefined ? [] : [{ name, version }];
      });
      // What lies in its cache already apt does not name.
      const empty = join(directory, 'none');
      await mkdir(join(empty, 'partial'), { recursive: true });
      const files = await listed(names, ['-o', `Dir::Cache::archives=${empty}`]);
      return order.map(({ name, version }) => {
        const start = `${name}_${version.replaceAll(':', '%3a')}_`;
        const found = files.find(({ file }) => file.startsWith(start));
        if (found === undefined) throw new LifeboatError('bug', `apt names no archive of ${name} ${version}`);
        return { name, version, ...found };
      });
    },
    async fetch(packages) {
      const paths = packages.map(pathOf);
      if (await areThere(packages, pathOf)) return paths;
      const specs = packages.map(({ name, version }) => `${name}=${version}`);
      const download = async (): Promise<unknown> =>
        await apt(['-qq', '--download-only', '-y', 'install', ...specs], signal);
      await download().catch(async () => {
        // No lists yet, or old ones.
        await update();
        await download().catch((cause: unknown) => {
          throw new LifeboatError('not-found', 'the mirror does not have these versions of all packages', {
            hint: 'Run "lifeboat rescue resolve": it takes the versions that the mirror has now.',
            cause,
          });
        });
      });
      for (const one of packages) {
        if ((await digestOf(pathOf(one))) === one.sha256) continue;
        throw new LifeboatError('archive-damaged', `${pathOf(one)} is not what was resolved as ${one.name}`, {
          hint: 'Remove it, and try again.',
        });
      }
      return paths;
    },
  };
}

/** Then neither mirror nor lists are needed. */
async function areThere(packages: readonly DebianPackage[], pathOf: (one: DebianPackage) => string): Promise<boolean> {
  for (const one of packages) if ((await digestOf(pathOf(one))) !== one.sha256) return false;
  return true;
}

/** `undefined` for a file that is not there. */
async function digestOf(path: string): Promise<string | undefined> {
  const content = await readIfThere(path);
  return content && hash('sha256', content);
}

interface Listed {
  readonly file: string;
  readonly sha256: string;
}

/** apt-get with the host's own settings (proxies, certificates), but with directories and one source of its own. */
async function aptOf(
  host: Host,
  { suite, directory, mirror, components = ['main', 'contrib'] }: DebianOptions,
  signal: AbortSignal,
): Promise<(args: readonly string[], signal: AbortSignal) => Promise<string>> {
  for (const name of ['lists/partial', 'archives/partial']) await mkdir(join(directory, name), { recursive: true });
  const address = mirror ?? (await ownMirror(host, signal));
  await writeFile(join(directory, 'status'), '');
  await writeFile(
    join(directory, 'sources.list'),
    `deb [signed-by=${keyring}] ${address} ${suite} ${components.join(' ')}\n`,
  );
  const configuration = join(directory, 'apt.conf');
  await writeFile(configuration, settings(directory));
  return async (args, signal) => {
    const { stdout } = await host.run(
      ['apt-get', '-c', configuration, '--no-install-recommends', ...args],
      { timeoutMs: limitMs, env: { DEBIAN_FRONTEND: 'noninteractive' } },
      signal,
    );
    return stdout.toString();
  };
}

const settings = (directory: string): string => `Dir::State "${directory}";
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
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::Retries "3";
// Which digest it prints of an archive.
Acquire::ForceHash "SHA256";
#clear APT::Update;
#clear DPkg;
`;

async function ownMirror(host: Host, signal: AbortSignal): Promise<string> {
  const argv = ['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'] as const;
  const { stdout } = await host.run(argv, {}, signal);
  const addresses = stdout.toString().split('\n');
  return addresses.find((address) => /\/debian\/?$/.test(address)) ?? 'http://deb.debian.org/debian';
}
