/** The connection to an ssh server: where it is, who it is, who we are. */
import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import {
  type AgentAuthMethod,
  Client,
  type ConnectConfig,
  type PublicKeyAuthMethod,
  type ServerHostKeyAlgorithm,
} from 'ssh2';
import { asLifeboatError, explaining, hasErrno, isSystemError, LifeboatError } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { abortError, throwIfAborted } from '../kernel/wait.ts';
import {
  fingerprint,
  hostPattern,
  isEntryOf,
  judgeKey,
  type KnownHost,
  keyType,
  parseKnownHosts,
} from './known-hosts.ts';
import { shellQuote } from './quote.ts';
import type { Login } from './ssh-identity.ts';

export interface SshOptions {
  readonly host: string;
  /** @default 22 */
  readonly port?: number;
  /** @default 'root' */
  readonly user?: string;
  /** Path of a private key file, or the key itself. */
  readonly privateKey?: string | Secret | undefined;
  readonly passphrase?: Secret | undefined;
  /** Socket of an ssh agent. */
  readonly agent?: string | undefined;
  /** Ways to log in, in place of `privateKey` and `agent`. */
  readonly logins?: readonly Login[];
  /** Files of the hosts that may be talked to; a key that is in none of them is refused. New ones belong in the first. */
  readonly knownHosts: string | readonly [string, ...string[]];
  /** The name that the host has in those files, when it is another. */
  readonly keyAlias?: string | undefined;
  /** Opens a stream to the server, in place of a plain TCP connection. */
  readonly open?: () => Duplex;
  /** From the first packet until logged in, in milliseconds. @default 20_000 */
  readonly connectTimeoutMs?: number;
  /**
   * Silence after which the server is asked whether it lives; after three such silences it is dead. 0 never asks, which is
   * for whoever watches the silence himself. @default 5_000
   */
  readonly keepaliveMs?: number;
  /** Commands at the same time; servers allow 10 sessions, and ending a command takes one more. @default 8 */
  readonly maxCommands?: number;
}

/** Missing answers after which the server counts as dead. */
const keepaliveCount = 3;

/** @throws LifeboatError `unreachable`, `host-key`, `permission-denied`, `interrupted` */
export async function connect(options: SshOptions, signal: AbortSignal): Promise<Client> {
  const { host, port = 22, user = 'root' } = options;
  const where = `ssh://${user}@${host}:${port}`;
  const name = options.keyAlias ?? hostPattern(host, port);
  const knownHosts = knownHostsFiles(options);
  const known = (await Promise.all(knownHosts.map(readKnownHosts))).flat();
  const privateKey = await readPrivateKey(options.privateKey);
  throwIfAborted(signal);

  let refusal: LifeboatError | undefined;
  const config: ConnectConfig = {
    host,
    port,
    username: user,
    readyTimeout: options.connectTimeoutMs ?? 20_000,
    keepaliveInterval: options.keepaliveMs ?? 5_000,
    keepaliveCountMax: keepaliveCount,
    algorithms: { serverHostKey: preferredKeys(known, name) },
    hostVerifier(key: Buffer): boolean {
      refusal = checkHostKey(known, name, key, knownHosts[0]);
      return refusal === undefined;
    },
    ...(privateKey === undefined ? {} : { privateKey }),
    ...(options.passphrase === undefined ? {} : { passphrase: options.passphrase.reveal() }),
    ...(options.agent === undefined ? {} : { agent: options.agent }),
    ...(options.logins === undefined ? {} : { authHandler: options.logins.map((login) => authMethod(login, user)) }),
    ...(options.open === undefined ? {} : { sock: options.open() }),
  };
  const client = new Client();
  // Every running command listens for the loss of the connection.
  client.setMaxListeners(0);
  const ready = Promise.withResolvers<void>();
  const onAbort = () => ready.reject(abortError(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  client.once('ready', () => ready.resolve());
  // Stays: after the login, a connection that fails also shows at its channels, which is where it is reported.
  client.on('error', (error) => ready.reject(refusal ?? connectError(error, where)));
  client.once('close', () => ready.reject(unreachable(`${where} closed the connection`)));
  try {
    client.connect(config);
    await ready.promise;
    return client;
  } catch (error) {
    client.destroy();
    throw error instanceof LifeboatError ? error : connectError(error, where);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function authMethod(login: Login, username: string): PublicKeyAuthMethod | AgentAuthMethod {
  return login.kind === 'key'
    ? { type: 'publickey', username, key: login.key }
    : { type: 'agent', username, agent: login.agent };
}

function knownHostsFiles({ knownHosts }: SshOptions): readonly [string, ...string[]] {
  return typeof knownHosts === 'string' ? [knownHosts] : knownHosts;
}

export function unreachable(message: string, cause?: unknown): LifeboatError {
  return new LifeboatError('unreachable', message, { retryable: true, cause });
}

async function readKnownHosts(path: string): Promise<readonly KnownHost[]> {
  try {
    return parseKnownHosts(await readFile(path, 'utf8'));
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw asLifeboatError(error);
  }
}

async function readPrivateKey(key: SshOptions['privateKey']): Promise<string | Buffer | undefined> {
  if (key === undefined) return undefined;
  if (typeof key !== 'string') return key.reveal();
  return await explaining('read the private key', () => readFile(key));
}

const hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
];

/** The kinds of key we know of this host first, so that the server shows the one we can check. */
function preferredKeys(known: readonly KnownHost[], name: string): ServerHostKeyAlgorithm[] {
  const types = new Set(known.filter((entry) => isEntryOf(entry, name)).map((entry) => entry.type));
  const isKnown = (algorithm: string) => types.has(algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm);
  return [...hostKeyAlgorithms.filter(isKnown), ...hostKeyAlgorithms.filter((algorithm) => !isKnown(algorithm))];
}

function checkHostKey(
  known: readonly KnownHost[],
  name: string,
  key: Buffer,
  knownHosts: string,
): LifeboatError | undefined {
  const verdict = judgeKey(known, name, key);
  if (verdict === 'known') return undefined;
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  // The key as it was shown, not a new scan: what was compared is what is accepted, also behind a jump host.
  const accept = `echo ${shellQuote(`${name} ${keyType(key)} ${key.toString('base64')}`)} >> ${shellQuote(knownHosts)}`;
  if (verdict === 'revoked') {
    return new LifeboatError('host-key', `the key of ${name} is marked as revoked in ${knownHosts}: ${shown}`, {
      hint: 'Do not connect: whoever answers holds a key that was withdrawn.',
    });
  }
  if (verdict === 'changed') {
    return new LifeboatError('host-key', `the key of ${name} is not the one in ${knownHosts}: it is now ${shown}`, {
      hint: `If the host was reinstalled, check that fingerprint on its console, then: ssh-keygen -R ${shellQuote(name)} -f ${shellQuote(knownHosts)} && ${accept}`,
    });
  }
  return new LifeboatError('host-key', `the key of ${name} is not in ${knownHosts}: it is ${shown}`, {
    hint: `Check that fingerprint on the console of the host, then: ${accept}`,
  });
}

function connectError(error: unknown, where: string): LifeboatError {
  const message = error instanceof Error ? error.message : String(error);
  const level = error instanceof Error && 'level' in error ? error.level : undefined;
  if (level === 'client-authentication') {
    return new LifeboatError('permission-denied', `${where} does not let us in: ${message}`, {
      hint: 'Give the key of that user, or an agent that holds it, and see that its public half is in authorized_keys there.',
      cause: error,
    });
  }
  if (level === 'client-timeout' || level === 'client-socket' || level === 'client-dns' || isSystemError(error)) {
    return unreachable(`cannot reach ${where}: ${message}`, error);
  }
  return new LifeboatError('unreachable', `no ssh connection to ${where}: ${message}`, { cause: error });
}
