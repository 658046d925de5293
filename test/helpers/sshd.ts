/** A real OpenSSH server for one test file, on a free port of the loopback interface, changing nothing of the machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endProcess, freePort, output } from './child-process.ts';
import { findSshd } from './openssh.ts';
import { temporaryDirectory } from './temporary.ts';

export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  readonly privateKeyPath: string;
  readonly knownHostsPath: string;
  /** The public key of the server, as a line of known_hosts has it. */
  readonly hostKey: string;
  /** Of the process that listens. */
  readonly pid: number;
  /** The processes that serve connections. */
  sessions(): Promise<readonly number[]>;
  /** Ends the server and, by their ids, the processes of its connections. */
  stop(): Promise<void>;
  /** Starts it again on the same port, with the same keys. */
  start(): Promise<void>;
}

export interface SshdOptions {
  /** The command line of its SFTP service. @default internal-sftp */
  readonly sftp?: string;
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
  /** Lines of passwd for accounts that this machine does not have. */
  readonly accounts?: readonly string[];
  /** Run where nobody else sees what is mounted, before the server starts. */
  readonly mounts?: readonly string[];
}

/**
 * The server wants a user `sshd` and a directory in `/run`: both exist only in the mount namespace it is started in.
 *
 * @throws Error with the reason where that is not possible
 */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  if (process.geteuid?.() !== 0) throw new Error('a test server for ssh needs root');
  const { path, libraryPath } = await findSshd();
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const port = await freePort();
  const at = (name: string) => join(directory, name);
  for (const name of ['host', 'client']) await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', at(name));
  await copyFile(at('client.pub'), at('authorized_keys'));
  const hostKey = (await readFile(at('host.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(at('known_hosts'), `[127.0.0.1]:${port} ${hostKey}\n`);
  const accounts = [...(options.accounts ?? []), 'sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin', ''].join('\n');
  await writeFile(at('passwd'), `${await users()}${accounts}`);
  await writeFile(at('shadow'), (await readFile('/etc/shadow', 'utf8')).replace(/^root:[^:]*/m, 'root:*'), {
    mode: 0o600,
  });
  await writeFile(at('config'), [...configuration(directory, port, options), ''].join('\n'));

  const argv = ['--mount', '--propagation', 'private', 'sh', '-ec', inNamespace(options), 'sh', directory, path];
  let child: ChildProcess | undefined;
  const sessions = async () => (child?.pid === undefined ? [] : await descendants(child.pid));
  const stop = async () => {
    const serving = await sessions();
    if (child !== undefined) await endProcess(child);
    for (const pid of serving) kill(pid);
    child = undefined;
  };
  const start = async () => {
    const started = spawn('unshare', argv, {
      env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin', LD_LIBRARY_PATH: libraryPath },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    let log = '';
    started.stderr.on('data', (chunk: Buffer) => {
      log = (log + chunk.toString()).slice(-8192);
    });
    for (let tries = 0; !(await answers(port)); tries += 1) {
      if (started.exitCode !== null || tries > 200) throw new Error(`the ssh server does not start: ${log}`);
      await delay(25);
    }
  };
  stack.defer(stop);
  await start();
  const owned = stack.move();
  return {
    port,
    user: userInfo().username,
    privateKeyPath: at('client'),
    knownHostsPath: at('known_hosts'),
    hostKey,
    get pid() {
      return child?.pid ?? 0;
    },
    sessions,
    stop,
    start,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Ends a process that may be gone already. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return;
  }
}

/** Children, and theirs. */
async function descendants(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

function inNamespace({ mounts = [] }: SshdOptions): string {
  return [
    'mount -t tmpfs -o mode=755 tmpfs /run',
    'mkdir -m 755 /run/sshd',
    'mount --bind "$1/passwd" /etc/passwd',
    'mount --bind "$1/shadow" /etc/shadow',
    ...mounts,
    'exec "$2" -D -e -f "$1/config"',
  ].join('\n');
}

function configuration(directory: string, port: number, { sftp, lines = [] }: SshdOptions): readonly string[] {
  return [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${directory}/host`,
    `AuthorizedKeysFile ${directory}/authorized_keys`,
    'PidFile none',
    'UsePAM no',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'UseDNS no',
    'PrintMotd no',
    `Subsystem sftp ${sftp ?? 'internal-sftp'}`,
    ...lines,
  ];
}

/** The users of this machine, with a login shell that reads nobody's start files. */
async function users(): Promise<string> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').filter((line) => /^(?!sshd:)./.test(line));
  return lines.map((line) => `${line.replace(/^(root:.*:)[^:]*$/, '$1/bin/sh')}\n`).join('');
}

/** Whether an ssh server greets on the port. */
async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    const [greeting]: Buffer[] = await once(socket, 'data', { signal: AbortSignal.timeout(2_000) });
    return greeting?.toString('latin1').startsWith('SSH-') ?? false;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
