/** A directory on a real SFTP server, and targets on it with patience to the measure of a test. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openSftpTarget, type SftpOptions } from '../../src/target/sftp/sftp.ts';
import type { Target } from '../../src/target/target.ts';
import { type Sshd, type SshdOptions, startSshd } from './sshd.ts';
import { temporaryDirectory } from './temporary.ts';

export interface SftpPlace extends AsyncDisposable {
  readonly sshd: Sshd;
  /** The root of the target, on this machine; see `mounts` of the options where it is not. */
  readonly root: string;
  /** Holds the key of the server under every port, for relays. */
  readonly knownHosts: string;
  url(port?: number): string;
  open(signal: AbortSignal, options?: SftpOptions & { readonly port?: number }): Promise<Target>;
}

/** @param options may depend on the root */
export async function sftpPlace(options: (root: string) => SshdOptions = () => ({})): Promise<SftpPlace> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const root = join(directory, 'repository');
  await mkdir(root);
  const sshd = stack.use(await startSshd(options(root)));
  const knownHosts = join(directory, 'known_hosts');
  await writeFile(knownHosts, `[127.0.0.1]:* ${sshd.hostKey}\n`);
  const url = (port = sshd.port) => `sftp://${sshd.user}@127.0.0.1:${port}${root}`;
  const owned = stack.move();
  return {
    sshd,
    root,
    knownHosts,
    url,
    open: (signal, { port, ...more } = {}) =>
      openSftpTarget(
        url(port),
        { ssh: { identityFile: sshd.privateKeyPath, knownHosts }, silenceMs: 5_000, patienceMs: 10_000, ...more },
        signal,
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
