/** The key by which the ssh server of rescue systems is known: its own, as the host's would open the host. */
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import type { HostFile } from './host-layer.ts';

export interface RescueKey {
  readonly fingerprint: string;
  readonly files: readonly HostFile[];
}

/** Made where there is none yet in this directory. @throws LifeboatError `tool-missing` without ssh-keygen */
export async function hostKeyIn(directory: string, host: Host, signal: AbortSignal): Promise<RescueKey> {
  const name = 'ssh_host_ed25519_key';
  const file = join(directory, name);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    await host.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'lifeboat rescue', '-f', file], {}, signal);
  }
  return {
    fingerprint: await fingerprintOf(`${file}.pub`, host, signal),
    files: [
      { path: `/etc/ssh/${name}`, content: await readFile(file), mode: 0o600 },
      { path: `/etc/ssh/${name}.pub`, content: await readFile(`${file}.pub`) },
    ],
  };
}

/**
 * The keys of the host itself, for who wants to be greeted by the rescue system as by the host.
 *
 * @throws LifeboatError `not-found` where it has none; `permission-denied`
 */
export async function ownHostKeys(host: Host, signal: AbortSignal, directory = '/etc/ssh'): Promise<RescueKey> {
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
    fingerprint: await fingerprintOf(join(directory, `${shown}.pub`), host, signal),
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

async function fingerprintOf(file: string, host: Host, signal: AbortSignal): Promise<string> {
  const { stdout } = await host.run(['ssh-keygen', '-l', '-f', file], {}, signal);
  return stdout.toString().split(' ')[1] ?? '';
}
