/** A command on the other side of an ssh connection, as a {@link Child}. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { PassThrough, Transform } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Client, ClientChannel } from 'ssh2';
import { LifeboatError } from '../kernel/errors.ts';
import { raceAbort } from '../kernel/wait.ts';
import { type Child, commandText, type StartOptions } from './child.ts';
import { type Argv, defaults } from './host.ts';
import { missingToolHint } from './packages.ts';
import { shellQuote, shellWords } from './quote.ts';
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

export async function startOverSsh(
  client: Client,
  argv: Argv,
  { withStdin, env }: StartOptions,
  signal: AbortSignal,
): Promise<Child> {
  const mark = `lifeboat-${randomBytes(8).toString('hex')}`;
  const variables = Object.entries({ LC_ALL: 'C', ...env }).map(([name, value]) => `${name}=${value}`);
  const command = `exec env ${shellWords([...variables, 'sh', '-c', wrapper, 'sh', mark, ...argv])}`;
  if (Buffer.byteLength(command) > maxCommandBytes) {
    throw new LifeboatError('unsupported', `the command is too long for ssh: ${commandText(argv)}`);
  }
  return await open(client, command, (channel) => childOf(client, channel, argv, mark, withStdin), signal);
}

/**
 * Opens a channel. `attach` must listen to it at once: a short command's exit may come in the same packet, and is told
 * only once. A channel that opens after `signal` was aborted is closed again.
 */
async function open<T extends { abandon(): void }>(
  client: Client,
  command: string,
  attach: (channel: ClientChannel) => T,
  signal: AbortSignal,
): Promise<T> {
  const opened = new Promise<T>((resolve, reject) => {
    const onClose = () => reject(unreachable('the ssh connection is gone'));
    client.once('close', onClose);
    try {
      client.exec(command, (error, channel) => {
        client.off('close', onClose);
        if (error === undefined) resolve(attach(channel));
        else reject(unreachable(`the ssh server opens no session: ${error.message}`, error));
      });
    } catch (error) {
      client.off('close', onClose);
      reject(unreachable('the ssh connection is gone', error));
    }
  });
  try {
    return await raceAbort(opened, signal);
  } catch (error) {
    opened.then(
      (late) => late.abandon(),
      () => undefined,
    );
    throw error;
  }
}

function childOf(client: Client, channel: ClientChannel, argv: Argv, mark: string, withStdin: boolean): Child {
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
  channel.once('close', () => client.off('close', onLost));
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

/** Runs a constant command of ours; whether it works is for the caller's own time limit to find out. */
async function runAside(client: Client, command: string): Promise<void> {
  const attach = (channel: ClientChannel) => {
    const closed = new Promise<void>((resolve) => {
      channel.once('close', () => resolve());
    });
    channel.end();
    channel.resume();
    channel.stderr.resume();
    return { closed, abandon: () => channel.close() };
  };
  const aside = await open(client, command, attach, new AbortController().signal).catch(() => undefined);
  await aside?.closed;
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
