/** A connection to a destination as `ssh` would make it: by its configuration, its keys, its agent, its jump hosts. */
import type { Duplex } from 'node:stream';
import { connect as openSocket } from 'node:net';
import type { Client } from 'ssh2';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import type { SecretSource } from '../kernel/secret.ts';
import { limited, raceAbort, throwIfAborted } from '../kernel/wait.ts';
import { isConfigUnread, resolveSsh, type SshDestination, type SshSettings, type SshTarget } from './ssh-config.ts';
import { connect, unreachable } from './ssh-connect.ts';
import { loginsOf } from './ssh-identity.ts';

/** Jump hosts that name each other would never end. */
const MAX_JUMPS = 8;

/** Between two packets of a connection that is idle, for the routers on the way to remember it. */
const TCP_KEEPALIVE_MS = 30_000;

const TIMEOUT_MS = 20_000;

export interface DialOptions {
  readonly settings: SshSettings;
  readonly secrets: SecretSource;
  /** From the first packet until logged in, unless the configuration of ssh says otherwise. @default 20_000 */
  readonly connectTimeoutMs?: number | undefined;
}

/**
 * Connects and logs in. The silence of the server afterwards is for the caller to watch.
 *
 * @throws LifeboatError `unreachable`, `host-key`, `permission-denied`, `config-invalid`, `interrupted`
 */
export function dialSsh(destination: SshDestination, options: DialOptions, signal: AbortSignal): Promise<Client> {
  return dial(destination, undefined, options, MAX_JUMPS, signal);
}

/** @param through in place of the jump hosts that the configuration names */
async function dial(
  destination: SshDestination,
  through: readonly SshDestination[] | undefined,
  options: DialOptions,
  jumpsLeft: number,
  signal: AbortSignal,
): Promise<Client> {
  throwIfAborted(signal);
  const { settings, secrets } = options;
  const target = await resolveSsh(destination, settings, signal);
  const { logins, unusable } = await loginsOf(target, settings, secrets);
  const jumps = through ?? target.jumps;
  if (jumps.length > jumpsLeft) throw new LifeboatError('config-invalid', `too many jump hosts before ${target.host}`);
  const gate = jumps.at(-1);
  const before = jumps.length > 1 ? jumps.slice(0, -1) : undefined;
  const via = gate === undefined ? undefined : await dial(gate, before, options, jumpsLeft - 1, signal);
  const timeoutMs = target.connectTimeoutMs ?? options.connectTimeoutMs;
  try {
    const forwarded = via === undefined ? undefined : await forwardInTime(via, target, timeoutMs ?? TIMEOUT_MS, signal);
    const client = await connect(
      {
        host: target.host,
        port: target.port,
        user: target.user,
        logins,
        knownHosts: target.knownHosts,
        keyAlias: target.keyAlias,
        open: () => forwarded ?? tcp(target),
        keepaliveMs: 0,
        ...present({ connectTimeoutMs: timeoutMs }),
      },
      signal,
    );
    if (via !== undefined) client.once('close', () => via.end());
    return client;
  } catch (error) {
    via?.destroy();
    throw await explained(error, unusable, settings);
  }
}

function tcp({ host, port }: SshTarget): Duplex {
  const socket = openSocket({ host, port, keepAlive: true, keepAliveInitialDelay: TCP_KEEPALIVE_MS });
  // Otherwise a small request waits until the one before it is acknowledged.
  return socket.setNoDelay();
}

/** A refused login, with the keys that could not be tried. */
async function explained(error: unknown, unusable: readonly string[], settings: SshSettings): Promise<LifeboatError> {
  const known = asLifeboatError(error);
  if (known.code !== 'permission-denied') return known;
  const unread = (await isConfigUnread(settings))
    ? ['~/.ssh/config was not read, for OpenSSH is not installed here (openssh-client)']
    : [];
  const more = [...unusable, ...unread];
  if (more.length === 0) return known;
  return new LifeboatError(known.code, `${known.message}; ${more.join('; ')}`, { hint: known.hint, cause: known });
}

/** A jump host that logged us in may stand still all the same. */
async function forwardInTime(
  via: Client,
  { host, port }: SshTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Duplex> {
  using limit = limited(signal, timeoutMs, () =>
    unreachable(`the jump host has not connected to ${host}:${port} within ${Math.round(timeoutMs / 1000)} s`),
  );
  return await raceAbort(forward(via, host, port), limit.signal);
}

/** A stream to `host` that begins at the other end of a connection. */
function forward(via: Client, host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (error?: Error) => reject(unreachable(`the jump host does not reach ${host}:${port}`, error));
    via.once('close', () => fail());
    via.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
      if (error === undefined) resolve(channel);
      else fail(error);
    });
  });
}
