/** One end of a channel, over whatever carries bytes both ways. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { LifeboatError } from '../../kernel/errors.ts';
import { abortError } from '../../kernel/wait.ts';
import { Queue } from './queue.ts';

export interface Link {
  readonly incoming: AsyncIterable<Uint8Array>;
  /** Frames on their way out; its end is the end of what we say. */
  readonly outgoing: Queue<Uint8Array>;
  /** Lets go of what carries it. */
  close(): void;
}

/** Over two streams; they are destroyed when it is closed. */
export function linkOver(input: Readable, output: Writable): Link {
  const outgoing = new Queue<Uint8Array>();
  const close = () => {
    outgoing.end();
    input.destroy();
    output.destroy();
  };
  // That nobody listens any more, who reads is told by the end of `incoming`.
  output.on('error', close);
  const closed = new Promise<void>((resolve) => output.once('close', resolve));
  const pump = async () => {
    for await (const bytes of outgoing) {
      if (output.destroyed) return;
      if (!output.write(bytes)) await Promise.race([once(output, 'drain'), closed]);
    }
    output.end();
  };
  pump().catch(close);
  return { incoming: received(input), outgoing, close };
}

async function* received(input: Readable): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for await (const chunk of input) if (chunk instanceof Uint8Array) yield chunk;
  } catch (error) {
    throw new LifeboatError('unreachable', 'the channel was lost', { retryable: true, cause: error });
  }
}

/** @throws LifeboatError `unreachable` where nobody listens at the socket, `interrupted` */
export async function dial(path: string, signal: AbortSignal): Promise<Link> {
  const socket = connect(path);
  try {
    await once(socket, 'connect', { signal });
    return linkOver(socket, socket);
  } catch (error) {
    socket.destroy();
    if (signal.aborted) throw abortError(signal);
    throw new LifeboatError('unreachable', `nobody serves the channel ${path}`, { retryable: true, cause: error });
  }
}
