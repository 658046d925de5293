import { LifeboatError } from '../../kernel/errors.ts';
import { type RetryPolicy, retry } from '../../kernel/wait.ts';
import { type Body, getBytes, type ObjectInfo, type Range, type Target } from '../target.ts';
import { resuming } from './resume.ts';

export interface TargetRetry {
  readonly verb: 'put' | 'get' | 'stat' | 'list' | 'remove';
  /** The key, or the prefix of a list. */
  readonly key: string;
  /** The attempt that comes next, counted from the last progress. */
  readonly attempt: number;
  readonly error: LifeboatError;
}

/**
 * A target that tries retryable errors again.
 *
 * - `get` goes on where it stopped if the target has ranges (it costs a `stat` before each), else it retries only
 *   before the first byte; an object that was replaced meanwhile is an error, never a mixture;
 * - `list` goes on without giving an object twice;
 * - `put` retries a body of bytes, and a stream only while nothing was read from it.
 *
 * The attempts of the policy are counted anew after every progress. A target with the trait `patient` is given back as it
 * is, for attempts times its own patience would be hours.
 */
export function withRetry(target: Target, policy: RetryPolicy, onRetry: (event: TargetRetry) => void): Target {
  if (target.traits.patient) return target;
  const telling = (verb: TargetRetry['verb'], key: string) => (error: LifeboatError, attempt: number) =>
    onRetry({ verb, key, attempt, error });

  const stat = (key: string, signal: AbortSignal) =>
    retry(policy, () => target.stat(key, signal), telling('stat', key), signal);

  return {
    url: target.url,
    traits: target.traits,
    stat,

    async put(key, body, options, signal) {
      const told = telling('put', key);
      if (!(body instanceof Uint8Array)) return putStream(target, policy, { key, body, options }, told, signal);
      let lost = false;
      try {
        return await retry(
          policy,
          () => target.put(key, body, options, signal),
          (error, attempt) => {
            lost = true;
            told(error, attempt);
          },
          signal,
        );
      } catch (error) {
        const taken = error instanceof LifeboatError && error.code === 'exists';
        // An attempt whose answer was lost may have stored it; then it is our own object that is in the way.
        if (lost && taken && (await holds(target, key, body, signal))) return { size: body.length };
        throw error;
      }
    },

    async *get(key, range, signal) {
      const before = target.traits.ranges ? await stat(key, signal) : undefined;
      let done = 0;
      const open = async () => {
        if (done === 0 || before === undefined) return target.get(key, range, signal);
        const unchanged = async () => {
          if (same(before, await target.stat(key, signal))) return;
          throw new LifeboatError('target-failed', `${key} at ${target.url} was replaced while it was being read`);
        };
        await unchanged();
        return onceOpened(target.get(key, restOf(range, before.size, done), signal), unchanged);
      };
      const policyNow = () => (done === 0 || before !== undefined ? policy : { ...policy, attempts: 1 });
      for await (const chunk of resuming(open, policyNow, telling('get', key), signal)) {
        done += chunk.length;
        yield chunk;
      }
    },

    async *list(prefix, signal) {
      const given = new Set<string>();
      const open = async () => target.list(prefix, signal);
      for await (const entry of resuming(open, () => policy, telling('list', prefix), signal)) {
        if (given.has(entry.key)) continue;
        given.add(entry.key);
        yield entry;
      }
    },

    remove: (key, signal) => retry(policy, () => target.remove(key, signal), telling('remove', key), signal),

    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}

/** Checks again when the first chunk is there: between a check and the opening it may be replaced. */
async function* onceOpened(chunks: AsyncIterable<Uint8Array>, check: () => Promise<void>): AsyncIterable<Uint8Array> {
  let checked = false;
  for await (const chunk of chunks) {
    if (!checked) await check();
    checked = true;
    yield chunk;
  }
}

function same(before: ObjectInfo, now: ObjectInfo | undefined): boolean {
  return now !== undefined && now.size === before.size && now.mtimeMs === before.mtimeMs;
}

function restOf(range: Range | undefined, size: number, done: number): Range {
  const { offset, length } = range ?? { offset: 0, length: size };
  return { offset: offset + done, length: length - done };
}

async function holds(target: Target, key: string, body: Uint8Array, signal: AbortSignal): Promise<boolean> {
  const there = await target.stat(key, signal);
  return there?.size === body.length && (await getBytes(target, key, body.length, signal)).equals(body);
}

/** Retries until the first chunk is asked for: what was read from a stream cannot be read again. */
async function putStream(
  target: Target,
  policy: RetryPolicy,
  object: { readonly key: string; readonly body: AsyncIterable<Uint8Array>; readonly options: { ifAbsent?: boolean } },
  onRetry: (error: LifeboatError, attempt: number) => void,
  signal: AbortSignal,
): Promise<{ readonly size: number }> {
  const source = object.body[Symbol.asyncIterator]();
  let started = false;
  const once: Body = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        started = true;
        return source.next();
      },
      // A generator that is closed before its start gives nothing ever after.
      return: async () =>
        started ? ((await source.return?.()) ?? { done: true, value: undefined }) : { done: true, value: undefined },
    }),
  };
  const result = await retry(
    policy,
    async () => {
      try {
        return await target.put(object.key, once, object.options, signal);
      } catch (error) {
        if (!started) throw error;
        return { error };
      }
    },
    onRetry,
    signal,
  );
  if ('error' in result) throw result.error;
  return result;
}
