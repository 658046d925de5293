/** Channels of an ssh connection, each of which runs one command. */
import type { Client, ClientChannel } from 'ssh2';
import { LifeboatError } from '../kernel/errors.ts';
import { raceAbort, sleep } from '../kernel/wait.ts';
import { unreachable } from './ssh-connect.ts';

/**
 * How often, and after how many milliseconds, a server that has no session free is asked again. It may refuse one in
 * place of another that it has just closed, because it clears up only after it has answered what came meanwhile.
 */
const refusals = { attempts: 20, pauseMs: 50 };

/**
 * Runs a command in a new channel. `attach` must listen to the channel at once: a short command's exit may come in the
 * same packet, and is told only once. A channel that opens after `signal` was aborted is abandoned.
 */
export async function openChannel<T extends { abandon(): void }>(
  client: Client,
  command: string,
  attach: (channel: ClientChannel) => T,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const opened = tryToOpen(client, command, attach);
    try {
      const result = await raceAbort(opened, signal);
      if (result !== 'no session free') return result;
    } catch (error) {
      opened.then(
        (late) => late !== 'no session free' && late.abandon(),
        () => undefined,
      );
      throw error;
    }
    if (attempt === refusals.attempts) {
      throw new LifeboatError('unreachable', 'the ssh server opens no further session', {
        hint: 'Raise MaxSessions in its sshd_config, or let fewer commands run at once.',
        retryable: true,
      });
    }
    await sleep(refusals.pauseMs, signal);
  }
}

function tryToOpen<T>(
  client: Client,
  command: string,
  attach: (channel: ClientChannel) => T,
): Promise<T | 'no session free'> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(unreachable('the ssh connection is gone'));
    client.once('close', onClose);
    try {
      client.exec(command, (error, channel) => {
        client.off('close', onClose);
        if (error === undefined) resolve(attach(channel));
        else if ('reason' in error) resolve('no session free');
        else reject(unreachable(`the ssh server does not run a command: ${error.message}`, error));
      });
    } catch (error) {
      client.off('close', onClose);
      reject(unreachable('the ssh connection is gone', error));
    }
  });
}

/** Runs a constant command of ours; whether it works is for the caller's own time limit to find out. */
export async function runAside(client: Client, command: string): Promise<void> {
  const attach = (channel: ClientChannel) => {
    const closed = new Promise<void>((resolve) => {
      channel.once('close', () => resolve());
    });
    channel.end();
    channel.resume();
    channel.stderr.resume();
    return { closed, abandon: () => channel.close() };
  };
  // The connection may be what failed: whoever ends the command gives it up after a while in any case.
  const aside = await openChannel(client, command, attach, new AbortController().signal).catch(() => undefined);
  await aside?.closed;
}
