/** An SFTP server that a machine reaches, and nothing besides: OpenSSH's, on this side, over a directory. */
import { readFile } from 'node:fs/promises';
import type { NetworkCard } from '../../src/qemu/spec.ts';
import { startSshd } from '../helpers/sshd.ts';

export interface SftpService extends AsyncDisposable {
  /** By this it is reached from the machine. */
  readonly url: string;
  readonly card: NetworkCard;
  /** What the machine logs in by, and what it knows the server by. */
  readonly identity: string;
  readonly knownHosts: string;
  /** Ends it with all its connections, as when the network is lost; and starts it again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const address = '10.0.2.100';
/** Wherever the directory is, by this path it is served. */
const place = '/srv/points';

/** @param directory what is at the path of `url`, the same for all such servers */
export async function serveSftp(directory: string): Promise<SftpService> {
  await using stack = new AsyncDisposableStack();
  const mounts = ['mount -t tmpfs tmpfs /srv', `mkdir ${place}`, `mount --bind '${directory}' ${place}`];
  const sshd = stack.use(await startSshd({ mounts }));
  const program = `bash -c "exec 3<>/dev/tcp/127.0.0.1/${sshd.port}; cat <&3 & cat >&3"`;
  const identity = await readFile(sshd.privateKeyPath, 'utf8');
  const owned = stack.move();
  return {
    url: `sftp://${sshd.user}@${address}${place}`,
    card: { network: { kind: 'user', services: [{ address, port: 22, program }] } },
    identity,
    knownHosts: `${address} ${sshd.hostKey}\n`,
    stop: () => sshd.stop(),
    start: () => sshd.start(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
