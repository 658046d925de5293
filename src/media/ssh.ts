/** The key by which the ssh server of rescue systems is known: its own, as the host's would open the host. */
import { hash } from 'node:crypto';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { readIfThere } from '../kernel/read-if-there.ts';
import type { HostFile } from './host-layer.ts';

export interface RescueKey {
  readonly fingerprint: string;
  readonly files: readonly HostFile[];
}

/** Made where there is none yet in this directory. */
export async function hostKeyIn(directory: string): Promise<RescueKey> {
  const name = 'ssh_host_ed25519_key';
  const file = join(directory, name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pair = { private: await readIfThere(file), public: await readIfThere(`${file}.pub`) };
  if (pair.private === undefined || pair.public === undefined) {
    const made = newPair();
    // The private one last: a key without the other half is made again.
    pair.public = Buffer.from(`${made.public}\n`);
    pair.private = Buffer.from(made.private);
    await writeFileAtomic(`${file}.pub`, pair.public, 0o644);
    await writeFileAtomic(file, pair.private);
  }
  return {
    fingerprint: fingerprintOf(pair.public),
    files: [
      { path: `/etc/ssh/${name}`, content: pair.private, mode: 0o600 },
      { path: `/etc/ssh/${name}.pub`, content: pair.public },
    ],
  };
}

/** One in a few hundred that ssh2 makes is malformed: it leaves out a zero at the beginning of the key. */
function newPair(): { readonly private: string; readonly public: string } {
  const wholeBytes = 51;
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: 'lifeboat rescue' });
    if (blobOf(pair.public).length === wholeBytes) return pair;
  }
}

const blobOf = (line: string): Buffer => Buffer.from(line.split(' ')[1] ?? '', 'base64');

/**
 * The keys of the host itself, for who wants to be greeted by the rescue system as by the host.
 *
 * @throws LifeboatError `not-found` where it has none; `permission-denied`
 */
export async function ownHostKeys(directory = '/etc/ssh'): Promise<RescueKey> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => /^ssh_host_\w+_key$/.test(name)).sort();
  const shown = names.find((name) => name.includes('ed25519')) ?? names[0];
  if (shown === undefined) {
    throw new LifeboatError('not-found', `there is no key of an ssh server in ${directory}`, {
      hint: 'Leave --keep-host-keys out: the rescue system has a key of its own.',
    });
  }
  const files = names.flatMap((name) => [name, `${name}.pub`]);
  const lines = names.map((name) => `HostKey /etc/ssh/${name}\n`).join('');
  return {
    fingerprint: fingerprintOf(await readFile(join(directory, `${shown}.pub`))),
    files: [
      ...(await Promise.all(
        files.map(async (name) => ({
          path: `/etc/ssh/${name}`,
          content: await readFile(join(directory, name)),
          mode: name.endsWith('.pub') ? 0o644 : 0o600,
        })),
      )),
      { path: '/etc/ssh/sshd_config.d/keys.conf', content: lines },
    ],
  };
}

/** As `ssh-keygen -l` shows it. */
function fingerprintOf(line: Uint8Array): string {
  const digest = hash('sha256', blobOf(Buffer.from(line).toString()), 'base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
