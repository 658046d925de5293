/** What comes through standard input and output, given on at a socket. */
import { dirname } from 'node:path';
import { makeDirectory } from '../kernel/atomic-write.ts';
import { channelTarget } from '../target/channel/channel.ts';
import { linkOver } from '../target/channel/link.ts';
import { serveSocket } from '../target/channel/serve.ts';

/** Ends when whoever started this lets go, or is gone. */
export async function relayChannel(socket: string, signal: AbortSignal): Promise<void> {
  const gone = new AbortController();
  process.stdin.once('close', () => gone.abort());
  const both = AbortSignal.any([signal, gone.signal]);
  const open = async () => linkOver(process.stdin, process.stdout);
  await using target = await channelTarget('channel:stdio', open, both);
  await makeDirectory(dirname(socket), 0o700);
  await serveSocket(socket, target, both);
}
