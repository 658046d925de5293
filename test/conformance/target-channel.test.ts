/** The contract of targets through a channel: at a socket, through a relay as in a rescue system, and over what is only read. */
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe } from 'vitest';
import { channelTarget, openChannelTarget } from '../../src/target/channel/channel.ts';
import { type Link, linkOver } from '../../src/target/channel/link.ts';
import { serveSocket, serveTarget } from '../../src/target/channel/serve.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import { overlayOver } from '../../src/target/wrap/overlay.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { describeTarget } from './target.ts';

const memory = () => memoryTarget('channel');

/** Two ends of one wire. */
function wire(): readonly [Link, Link] {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [linkOver(back, there), linkOver(there, back)];
}

describe('at a socket', () => {
  const over = new AbortController();
  let root: Awaited<ReturnType<typeof temporaryDirectory>>;
  const serving: Promise<void>[] = [];
  const socket = (name: string) => join(root.path, name);
  const open = async (name: string, signal: AbortSignal) => {
    // The server may be about to listen.
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await openChannelTarget(`channel:${socket(name)}`, signal);
      } catch (error) {
        if (attempt === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };

  beforeAll(async () => {
    root = await temporaryDirectory();
    serving.push(serveSocket(socket('direct'), memory(), over.signal));
    const [asking, answering] = wire();
    serving.push(serveTarget(answering, overlayOver(memoryTarget('channel-base'), new Map()), over.signal));
    const outer = await channelTarget('channel:outer', async () => asking, over.signal);
    serving.push(serveSocket(socket('relayed'), outer, over.signal));
  });

  afterAll(async () => {
    over.abort();
    await Promise.allSettled(serving);
    await root[Symbol.asyncDispose]();
  });

  describeTarget('channel', { open: (signal) => open('direct', signal) });
  describeTarget('channel through a relay, over what is only read', { open: (signal) => open('relayed', signal) });
});

describeTarget('overlay over memory', { open: async () => overlayOver(memory(), new Map()) });
