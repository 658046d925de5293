/** The answering end of a channel. What asks may be anything: of it only what makes sense is done, and only so much at once. */
import { chmod, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { errorRecord, explaining, LifeboatError } from '../../kernel/errors.ts';
import { raceAbort } from '../../kernel/wait.ts';
import { abortable } from '../abortable.ts';
import type { ObjectEntry, Target } from '../target.ts';
import { type Call, callSchema, parsed } from './calls.ts';
import { Inbox, Outbox } from './flow.ts';
import { CHANNEL_FORMAT, creditOf, type Frame, framesOf, jsonFrame, jsonOf, nonsense } from './frames.ts';
import { type Link, linkOver } from './link.ts';

/** How many calls may be under way at once: more than any target allows. */
const maxCalls = 128;
/** Entries of a list that are sent together. */
const batch = 100;

interface Served {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly abort: AbortController;
  readonly over: Promise<void>;
}

/**
 * Answers until the other end is gone, with what the target does; what is under way then is given up.
 *
 * @throws LifeboatError `unreachable` when the channel broke off in the middle or made no sense, `interrupted`
 */
export async function serveTarget(link: Link, target: Target, signal: AbortSignal): Promise<void> {
  const calls = new Map<number, Served>();
  const gone = new AbortController();
  let isGreeted = false;
  try {
    for await (const said of framesOf(abortable(link.incoming, signal))) hear(said);
  } finally {
    gone.abort();
    for (const { abort } of calls.values()) abort.abort();
    await Promise.allSettled([...calls.values()].map(({ over }) => over));
    link.close();
  }

  function hear(said: Frame): void {
    const call = calls.get(said.id);
    switch (said.kind) {
      case 'hello':
        // Once: who takes no answers could ask for any number of them.
        if (isGreeted) throw nonsense();
        isGreeted = true;
        link.outgoing.push(jsonFrame('hello', 0, { format: CHANNEL_FORMAT, traits: target.traits }));
        return;
      case 'call':
        if (call !== undefined || calls.size >= maxCalls) throw nonsense();
        begin(said.id, parsed(callSchema, jsonOf(said)));
        return;
      case 'data':
        return call?.inbox.push(said.payload);
      case 'end':
        return call?.inbox.end();
      case 'credit':
        return call?.outbox.grant(creditOf(said));
      case 'cancel': {
        const error = new LifeboatError('interrupted', 'the other end of the channel gave it up');
        call?.abort.abort(error);
        return call?.inbox.fail(error);
      }
      case 'result':
      case 'error':
        throw nonsense();
    }
  }

  function begin(id: number, call: Call): void {
    const [inbox, outbox, abort] = [new Inbox(link, id), new Outbox(link, id), new AbortController()];
    const resultOf = async (): Promise<Buffer> => {
      try {
        const result = await carryOut(call, inbox, outbox, AbortSignal.any([signal, abort.signal]));
        return jsonFrame('result', id, result ?? null);
      } catch (error) {
        return jsonFrame('error', id, told(error));
      }
    };
    // A call is over when its answer is on its way: who takes none has soon asked too much.
    const say = async (answer: Buffer) => await raceAbort(link.outgoing.put(answer), gone.signal);
    const answer = async () => {
      try {
        await say(await resultOf());
      } catch {
        // Nobody takes it any more.
      } finally {
        calls.delete(id);
      }
    };
    // Not before it is noted: it may be over at once.
    calls.set(id, { inbox, outbox, abort, over: Promise.resolve().then(answer) });
  }

  async function carryOut(call: Call, inbox: Inbox, outbox: Outbox, inner: AbortSignal): Promise<unknown> {
    switch (call.verb) {
      case 'put':
        return await target.put(call.key, inbox, { ifAbsent: call.ifAbsent }, inner);
      case 'get':
        for await (const chunk of target.get(call.key, call.range, inner)) await outbox.send(chunk, inner);
        return undefined;
      case 'stat':
        return await target.stat(call.key, inner);
      case 'list':
        for await (const lines of batches(target.list(call.key, inner))) await outbox.send(Buffer.from(lines), inner);
        return undefined;
      case 'remove':
        return await target.remove(call.key, inner);
    }
  }
}

async function* batches(entries: AsyncIterable<ObjectEntry>): AsyncGenerator<string, void, undefined> {
  let lines: string[] = [];
  for await (const { key, size, mtimeMs } of entries) {
    lines.push(`${JSON.stringify({ key, size, mtimeMs })}\n`);
    if (lines.length === batch) {
      yield lines.join('');
      lines = [];
    }
  }
  if (lines.length > 0) yield lines.join('');
}

function told(error: unknown): object {
  const { code, message, hint, retryable } = errorRecord(error);
  return { code, message: message.slice(0, 4096), hint: hint?.slice(0, 4096), retryable };
}

/**
 * Serves a target at a socket of this machine, to any number of processes at once, until the signal is aborted.
 *
 * @throws LifeboatError where the socket cannot be made
 */
export async function serveSocket(path: string, target: Target, signal: AbortSignal): Promise<void> {
  await rm(path, { force: true });
  const over = new AbortController();
  const served = new Set<Promise<void>>();
  const server = createServer((socket) => {
    // How it ends, who asks hears by the end of the connection.
    const serving = serveTarget(linkOver(socket, socket), target, AbortSignal.any([signal, over.signal]))
      .catch(() => undefined)
      .finally(() => served.delete(serving));
    served.add(serving);
  });
  const closed = Promise.withResolvers<void>();
  server.once('close', () => closed.resolve());
  const failed = new Promise<never>((_, reject) => server.once('error', reject));
  const stop = () => server.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await explaining(`serve at ${path}`, async () => {
      server.listen(path);
      await Promise.race([failed, new Promise<void>((resolve) => server.once('listening', resolve))]);
      await chmod(path, 0o600);
    });
    if (signal.aborted) stop();
    await closed.promise;
  } finally {
    signal.removeEventListener('abort', stop);
    over.abort();
    server.close();
    await Promise.allSettled(served);
    await rm(path, { force: true });
  }
}
