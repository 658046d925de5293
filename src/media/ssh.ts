/** The key by which the ssh server of rescue systems is known: its own, as the host's would open the host. */
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
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
  const { stdout } = await host.run(['ssh-keygen', '-l', '-f', `${file}.pub`], {}, signal);
  return {
    fingerprint: stdout.toString().split(' ')[1] ?? '',
    files: [
      { path: `/etc/ssh/${name}`, content: await readFile(file), mode: 0o600 },
      { path: `/etc/ssh/${name}.pub`, content: await readFile(`${file}.pub`) },
    ],
  };
}
