/**
 * The storage of another process, through a channel to it: what a recovery that is tried in a virtual machine reads its points by, for
 * that machine reaches nothing else. When the channel breaks off, the next call opens it anew.
 */
import { isAbsolute } from 'node:path';
import { LifeboatError } from '../../kernel/errors.ts';
import { limited, throwIfAborted } from '../../kernel/wait.ts';
import { checkKey, checkPrefix, type Target, type TargetTraits } from '../target.ts';
import { entrySchema, parsed, putSchema, statSchema } from './calls.ts';
import { nonsense } from './frames.ts';
import { dial, type Link } from './link.ts';
import { ChannelSession } from './session.ts';

/** How long the other end may take to say what it is. */
const greetingMs = 120_000;

/**
 * @param url `channel:` and the absolute path of a socket
 * @throws LifeboatError `config-invalid`, `unreachable`, `newer-format`
 */
export async function openChannelTarget(url: string, signal: AbortSignal): Promise<Target> {
  const path = url.slice('channel:'.length);
  if (!isAbsolute(path)) {
    throw new LifeboatError('config-invalid', `a channel is named by the absolute path of its socket: ${url}`);
  }
  return await channelTarget(url, async (inner) => await dial(path, inner), signal);
}

/** @param open called again whenever what carried the channel is lost */
export async function channelTarget(
  url: string,
  open: (signal: AbortSignal) => Promise<Link>,
  signal: AbortSignal,
): Promise<Target> {
  const begin = async (inner: AbortSignal) => {
    using limit = limited(inner, greetingMs, () => silent(url));
    const session = new ChannelSession(await open(limit.signal));
    try {
      return { session, traits: await session.greet(limit.signal) };
    } catch (error) {
      session[Symbol.dispose]();
      throw error;
    }
  };
  let now = await begin(signal);
  let isClosed = false;
  const current = async (inner: AbortSignal): Promise<ChannelSession> => {
    throwIfAborted(inner);
    if (now.session.isOver && !isClosed) now = await begin(inner);
    return now.session;
  };

  return {
    url,
    traits: traitsHere(now.traits),

    async put(key, body, { ifAbsent = false }, inner) {
      checkKey(key);
      const session = await current(inner);
      return parsed(putSchema, await session.send({ verb: 'put', key, ifAbsent }, body, inner));
    },

    async *get(key, range, inner) {
      checkKey(key);
      const session = await current(inner);
      yield* session.receive({ verb: 'get', key, ...(range === undefined ? {} : { range }) }, inner);
    },

    async stat(key, inner) {
      checkKey(key);
      const session = await current(inner);
      return parsed(statSchema, await session.ask({ verb: 'stat', key }, inner)) ?? undefined;
    },

    async *list(prefix, inner) {
      checkPrefix(prefix);
      const session = await current(inner);
      for await (const line of linesOf(session.receive({ verb: 'list', key: prefix }, inner))) {
        yield parsed(entrySchema, jsonLine(line));
      }
    },

    async remove(key, inner) {
      checkKey(key);
      const session = await current(inner);
      await session.ask({ verb: 'remove', key }, inner);
    },

    async [Symbol.asyncDispose]() {
      isClosed = true;
      now.session[Symbol.dispose]();
    },
  };
}

function silent(url: string): LifeboatError {
  return new LifeboatError('unreachable', `nobody answers at ${url}`, { retryable: true });
}

/** Whoever waits for the storage at the other end, through here it may be lost any moment. */
function traitsHere(traits: TargetTraits): TargetTraits {
  return { ...traits, patient: false, connections: Math.min(traits.connections, 16) };
}

/** Far more than an entry of a list takes. */
const longestLine = 64 * 1024;

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  // Keys are ASCII: no letter of them is cut in two.
  for await (const chunk of chunks) {
    const lines = (rest + Buffer.from(chunk).toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > longestLine) throw nonsense();
    yield* lines;
  }
  if (rest !== '') throw nonsense();
}

function jsonLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw nonsense();
  }
}
