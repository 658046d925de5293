/** A command on the other side of an ssh connection, as a {@link Child}. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { PassThrough, Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { LifeboatError } from '../kernel/errors.ts';
import { type Child, commandText, type StartOptions } from './child.ts';
import { type Argv, defaults } from './host.ts';
import { missingToolHint } from './packages.ts';
import { shellQuote, shellWords } from './quote.ts';
import { openChannel, runAside } from './ssh-channel.ts';
import { unreachable } from './ssh-connect.ts';

/**
 * Announces its process id, which is also that of its group because the server starts every command in a session of its
 * own, then becomes the command. Constant: the command comes as arguments.
 */
const wrapper = [
  'mark=$1; shift; cd /',
  'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; export PATH',
  'if command -v "$1" >/dev/null 2>&1; then echo "$mark $$ found" >&2; exec "$@"; fi',
  'echo "$mark $$ missing" >&2; exit 127',
].join('\n');

/** SIGTERM to a group, SIGKILL to what is left of it after the grace. */
const ending = [
  'kill -s TERM -- "-$1" || exit 0',
  'left=$2',
  'while [ "$left" -gt 0 ] && kill -s 0 -- "-$1"; do sleep 0.1 || sleep 1; left=$((left - 1)); done',
  'kill -s KILL -- "-$1"',
].join('\n');

/** The kernel takes no longer single argument, and the login shell gets the whole command as one. */
const maxCommandBytes = 128 * 1024 - 1;

export interface RemoteChild extends Child {
  /** Settles when the server has room for another session in its place. */
  readonly closed: Promise<void>;
}

export async function startOverSsh(
  client: Client,
  argv: Argv,
  { withStdin, env }: StartOptions,
  signal: AbortSignal,
): Promise<RemoteChild> {
  const mark = `lifeboat-${randomBytes(8).toString('hex')}`;
  const variables = Object.entries({ LC_ALL: 'C', ...env }).map(([name, value]) => `${name}=${value}`);
  const command = `exec env ${shellWords([...variables, 'sh', '-c', wrapper, 'sh', mark, ...argv])}`;
  if (Buffer.byteLength(command) > maxCommandBytes) {
    throw new LifeboatError('unsupported', `the command is too long for ssh: ${commandText(argv)}`);
  }
  return await openChannel(client, command, (channel) => childOf(client, channel, argv, mark, withStdin), signal);
}

function childOf(client: Client, channel: ClientChannel, argv: Argv, mark: string, withStdin: boolean): RemoteChild {
  const announced = Promise.withResolvers<Announcement | undefined>();
  const stdout = new PassThrough();
  const stderr = strippingMark(mark, announced.resolve);
  channel.pipe(stdout, { end: false });
  channel.stderr.pipe(stderr);
  // A connection that is lost also ends its channels, and that end must not look like the end of the output.
  let lost = false;
  const onLost = () => {
    lost = true;
  };
  client.once('close', onLost);
  channel.once('end', () => {
    if (lost) stdout.destroy(connectionLost());
    else stdout.end();
  });
  const closed = new Promise<void>((resolve) => {
    channel.once('close', () => {
      client.off('close', onLost);
      resolve();
    });
  });
  channel.on('error', () => undefined);
  const exited = exitOf(client, channel).then(async (code) => {
    const found = code === 127 ? await announced.promise : undefined;
    if (found?.missing === true) {
      throw new LifeboatError('tool-missing', `no such program: ${argv[0]}`, { hint: missingToolHint(argv[0]) });
    }
    return code;
  });
  exited.catch(() => undefined);
  if (!withStdin) channel.end();
  return {
    stdin: withStdin ? channel : undefined,
    stdout,
    stderr,
    exited,
    closed,
    // The server answers in order, so what it had to send before comes before.
    arrived: () => runAside(client, ':'),
    async end() {
      const known = await Promise.race([announced.promise, delay(defaults.killGraceMs)]);
      const ticks = String(defaults.killGraceMs / 100);
      if (known === undefined) channel.signal('KILL');
      else await runAside(client, `exec sh -c ${shellQuote(ending)} sh ${known.pid} ${ticks} 2>/dev/null`);
    },
    abandon() {
      channel.unpipe(stdout);
      channel.resume();
      channel.stderr.resume();
      channel.close();
      stdout.destroy();
      stderr.destroy();
    },
  };
}

function connectionLost(): LifeboatError {
  return unreachable('the ssh connection was lost while a command ran');
}

function exitOf(client: Client, channel: ClientChannel): Promise<number> {
  return new Promise((resolve, reject) => {
    const onLost = () => reject(connectionLost());
    client.once('close', onLost);
    channel.once('exit', (code: number | null, name?: string) => {
      const full = name?.startsWith('SIG') === true ? name : `SIG${name}`;
      const number = Object.entries(constants.signals).find(([signal]) => signal === full)?.[1] ?? 0;
      resolve(code ?? 128 + number);
    });
    channel.once('close', () => {
      client.off('close', onLost);
      onLost();
    });
  });
}

interface Announcement {
  readonly pid: number;
  readonly missing: boolean;
}

/** Passes stderr on from after the wrapper's line; what the login shell printed before it is dropped. */
function strippingMark(mark: string, announce: (found: Announcement | undefined) => void): Transform {
  const line = new RegExp(`(?:^|\\n)${mark} (\\d+) (found|missing)\\n`);
  let head: Buffer | undefined = Buffer.alloc(0);
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (head === undefined) return done(null, chunk);
      head = Buffer.concat([head, chunk]);
      const text = head.toString('latin1');
      const match = line.exec(text);
      if (match === null && head.length <= defaults.stderrTail) return done();
      if (match !== null) announce({ pid: Number(match[1]), missing: match[2] === 'missing' });
      const rest = match === null ? head : head.subarray(match.index + match[0].length);
      head = undefined;
      return done(null, rest);
    },
    flush(done) {
      announce(undefined);
      done(null, head);
    },
  });
}
