/** A root filesystem out of Debian archives: unpacked, and not set up by the packages' own scripts. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';

/** What no program reads. */
const unread = ['doc', 'man', 'info', 'locale', 'lintian', 'bug'].map((name) => `--exclude=./usr/share/${name}`);

/**
 * @param archives paths, what depends on something after it
 * @throws LifeboatError `command-failed`, `tool-missing`
 */
export async function unpackArchives(
  host: Host,
  archives: readonly string[],
  tree: string,
  signal: AbortSignal,
): Promise<void> {
  // As every Debian has it; some packages still ship files for the old places.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(tree, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(tree, name));
  }
  for (const archive of archives) {
    const reading = host.stream(['dpkg-deb', '--fsys-tarfile', archive], {}, signal);
    // Zeros are ignored, so that tar reads to the end of its input: dpkg-deb would fail if it stopped before.
    // Without the modes by which a program becomes root: nobody needs them here, and who may make none could not unpack.
    const modes = ['--no-same-owner', '--no-same-permissions'];
    const options = ['--keep-directory-symlink', ...modes, '--warning=no-timestamp', ...unread];
    await host.run(['tar', '-xi', ...options, '-C', tree], { stdin: reading.stdout, timeoutMs: 600_000 }, signal);
    await reading.finished;
  }
}
