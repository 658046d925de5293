/** The repository, as the rescue system in the machine reaches it: through a program in it whose input and output are ours. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { sleep, throwIfAborted } from '../kernel/wait.ts';
import type { Link } from '../target/channel/link.ts';
import { Queue } from '../target/channel/queue.ts';
import { serveTarget } from '../target/channel/serve.ts';
import type { Target } from '../target/target.ts';

/** In the rescue system. */
const socket = '/run/lifeboat/repository.sock';
export const channelUrl = `channel:${socket}`;

/** A moment, on a machine that is emulated beside others. */
const openMs = 300_000;

/** While it is held, the rescue system reaches the target; nothing of it is left when it is disposed. */
export async function openChannel(host: Host, target: Target, signal: AbortSignal): Promise<AsyncDisposable> {
  const over = new AbortController();
  const both = AbortSignal.any([signal, over.signal]);
  const outgoing = new Queue<Uint8Array>();
  const running = host.stream(['lifeboat', 'rescue', 'channel', socket], { stdin: outgoing }, both);
  running.finished.catch(() => undefined);
  const link: Link = { incoming: running.stdout, outgoing, close: () => outgoing.end() };
  const serving = serveTarget(link, target, both);
  serving.catch(() => undefined);
  const end = async (): Promise<void> => {
    over.abort(new LifeboatError('interrupted', 'the channel was closed'));
    await Promise.allSettled([serving, running.finished]);
  };
  try {
    await listening(host, running.finished, both);
  } catch (error) {
    await end();
    throw error;
  }
  return { [Symbol.asyncDispose]: end };
}

async function listening(
  host: Host,
  finished: Promise<{ readonly code: number; readonly stderr: string }>,
  signal: AbortSignal,
): Promise<void> {
  let ended: { readonly code: number; readonly stderr: string } | undefined;
  finished.then(
    (result) => (ended = result),
    () => undefined,
  );
  for (const since = performance.now(); performance.now() - since < openMs; ) {
    throwIfAborted(signal);
    const { code } = await host.run(['test', '-S', socket], { okCodes: [0, 1] }, signal);
    if (code === 0) return;
    if (ended !== undefined) {
      throw new LifeboatError('machine-failed', `the rescue system has no channel: ${ended.stderr.trim()}`);
    }
    await sleep(500, signal);
  }
  throw new LifeboatError('machine-timeout', 'the rescue system does not open its end of the channel');
}
