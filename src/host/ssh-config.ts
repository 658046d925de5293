/**
 * What OpenSSH's configuration says about a host. The client itself is asked (`ssh -G`), so that `Host`, `Match`,
 * `Include` and defaults mean exactly what they mean to `ssh`. Where it is not installed, its defaults apply and no
 * file is read.
 */
import { access } from 'node:fs/promises';
import { hostname as localHostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { localHost } from './local.ts';

/** The section `ssh` of the configuration. */
export interface SshSettings {
  /** A private key to log in with, before those of OpenSSH's configuration. */
  readonly identityFile?: string;
  /** In place of `~/.ssh/known_hosts`. */
  readonly knownHosts?: string;
  /** In place of `~/.ssh/config` and `/etc/ssh/ssh_config`. */
  readonly configFile?: string;
}

/** Where to connect, as a person writes it: the host may be a name out of `~/.ssh/config`. */
export interface SshDestination {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
}

/** A destination with everything that its configuration says. */
export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private keys to try, those that are missing too. */
  readonly identityFiles: readonly string[];
  /** Of the agent's keys, only those of `identityFiles` are offered. */
  readonly identitiesOnly: boolean;
  /** The socket of an agent. */
  readonly agent?: string;
  readonly knownHosts: readonly [string, ...string[]];
  /** The name that the host has in `knownHosts`, when it is another. */
  readonly keyAlias?: string;
  /** Hosts to go through, the nearest first. */
  readonly jumps: readonly SshDestination[];
  readonly connectTimeoutMs?: number;
}

/**
 * Asks OpenSSH what it would do.
 *
 * @throws LifeboatError `config-invalid` when its configuration is wrong, `unsupported` for `ProxyCommand`,
 *   `tool-missing` when `settings.configFile` is given and there is no OpenSSH to read it
 */
export async function resolveSsh(
  destination: SshDestination,
  settings: SshSettings,
  signal: AbortSignal,
): Promise<SshTarget> {
  const { host, port, user } = destination;
  if (!/^[^-\s/@][^\s/@]*$/.test(host)) throw new LifeboatError('config-invalid', `not the name of a host: ${host}`);
  const argv = [
    'ssh',
    '-G',
    ...(settings.configFile === undefined ? [] : ['-F', settings.configFile]),
    ...(settings.identityFile === undefined ? [] : ['-i', settings.identityFile]),
    ...(settings.knownHosts === undefined ? [] : ['-o', `UserKnownHostsFile=${quoted(settings.knownHosts)}`]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    '--',
    host,
  ] as const;
  await using local = localHost();
  try {
    const { stdout } = await local.run(argv, { timeoutMs: 20_000 }, signal);
    const resolved = parseResolved(stdout.toString('utf8'), destination);
    if (settings.identityFile === undefined) return resolved;
    // OpenSSH drops one that is not there, although an agent may hold it.
    return { ...resolved, identityFiles: [settings.identityFile, ...resolved.identityFiles] };
  } catch (error) {
    if (!(error instanceof LifeboatError)) throw error;
    if (error.code === 'tool-missing' && settings.configFile === undefined) return withoutClient(destination, settings);
    if (error.code !== 'command-failed') throw error;
    throw new LifeboatError('config-invalid', `the configuration of ssh for ${host} cannot be used`, { cause: error });
  }
}

/** Whether there is a `~/.ssh/config` that nobody can read for us, as OpenSSH's client is not installed. */
export async function isConfigUnread(settings: SshSettings): Promise<boolean> {
  const there = async (path: string) =>
    await access(path).then(
      () => true,
      () => false,
    );
  if (settings.configFile !== undefined || !(await there(join(userInfo().homedir, '.ssh/config')))) return false;
  const folders = (process.env['PATH'] ?? '/usr/bin:/bin').split(':');
  return !(await Promise.all(folders.map((folder) => there(join(folder, 'ssh'))))).includes(true);
}

const privateKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** OpenSSH's defaults, as far as they are known without it. */
export function withoutClient({ host, port, user }: SshDestination, settings: SshSettings): SshTarget {
  const { username, homedir } = userInfo();
  return {
    host,
    port: port ?? 22,
    user: user ?? username,
    identityFiles:
      settings.identityFile === undefined
        ? privateKeys.map((name) => join(homedir, '.ssh', name))
        : [settings.identityFile],
    identitiesOnly: false,
    knownHosts: [settings.knownHosts ?? join(homedir, '.ssh/known_hosts'), '/etc/ssh/ssh_known_hosts'],
    jumps: [],
    ...present({ agent: process.env['SSH_AUTH_SOCK'] }),
  };
}

/** What `ssh -G` printed: a keyword and its value on each line. */
export function parseResolved(text: string, destination: SshDestination): SshTarget {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) values.set(key, [...(values.get(key) ?? []), value]);
  }
  const one = (key: string) => {
    const value = values.get(key)?.[0];
    return value === 'none' ? undefined : value;
  };
  const host = one('hostname') ?? destination.host;
  const port = Number(one('port') ?? destination.port ?? 22);
  const user = one('user') ?? destination.user ?? userInfo().username;
  const keyAlias = one('hostkeyalias');
  if (one('proxycommand') !== undefined) {
    throw new LifeboatError(
      'unsupported',
      `ssh reaches ${destination.host} by a ProxyCommand, which is not supported`,
      {
        hint: 'Write the host to go through as ProxyJump in ~/.ssh/config.',
      },
    );
  }
  const fill = (path: string) => expand(path, { host, port, user, original: destination.host, keyAlias });
  const files = (key: string) => (one(key) ?? '').split(/\s+(?=[/~])/).filter((path) => path !== '');
  const [first = '/dev/null', ...others] = [...files('userknownhostsfile'), ...files('globalknownhostsfile')].map(fill);
  const timeout = Number(one('connecttimeout') ?? 0);
  return {
    host,
    port,
    user,
    identityFiles: (values.get('identityfile') ?? []).filter((path) => path !== 'none').map(fill),
    identitiesOnly: one('identitiesonly') === 'yes',
    knownHosts: [first, ...others],
    jumps: (one('proxyjump') ?? '').split(',').filter(Boolean).map(parseJump),
    ...present({
      agent: agentOf(values.get('identityagent')?.[0], fill),
      keyAlias,
      connectTimeoutMs: timeout > 0 ? timeout * 1000 : undefined,
    }),
  };
}

function agentOf(said: string | undefined, fill: (path: string) => string): string | undefined {
  const variable = said === undefined || said === 'SSH_AUTH_SOCK' ? 'SSH_AUTH_SOCK' : /^\$\{?(\w+)\}?$/.exec(said)?.[1];
  if (variable !== undefined) return process.env[variable] || undefined;
  return said === undefined || said === 'none' ? undefined : fill(said);
}

/** `user@host:port`, the form of ProxyJump; also `ssh://user@host:port`, and `[address]:port`. */
export function parseJump(text: string): SshDestination {
  const [, user, bracketed, plain, port] =
    /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?\/?$/.exec(text.trim()) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new LifeboatError('config-invalid', `not a host to jump through: ${text}`);
  return { host, ...present({ user, port: port === undefined ? undefined : Number(port) }) };
}

interface Tokens {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly original: string;
  readonly keyAlias: string | undefined;
}

/** `~` and the tokens that a path of ssh's configuration may hold. */
function expand(path: string, { host, port, user, original, keyAlias }: Tokens): string {
  const { homedir, username, uid } = userInfo();
  const local = localHostname();
  const tokens: Readonly<Record<string, string>> = {
    '%': '%',
    d: homedir,
    h: host,
    i: String(uid),
    k: keyAlias ?? original,
    L: local.split('.')[0] ?? local,
    l: local,
    n: original,
    p: String(port),
    r: user,
    u: username,
  };
  const full = path.startsWith('~/') ? join(homedir, path.slice(2)) : path;
  return full.replace(/%(.)/g, (whole, token: string) => tokens[token] ?? whole);
}

function quoted(path: string): string {
  return /[\s"']/.test(path) ? `"${path.replaceAll('"', '\\"')}"` : path;
}
