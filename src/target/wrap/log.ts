import { asLifeboatError, type ErrorCode } from '../../kernel/errors.ts';
import { chunksOf, type Target } from '../target.ts';

/** One call of a target, told when it has ended. */
export interface TargetCall {
  readonly verb: 'put' | 'get' | 'stat' | 'list' | 'remove';
  /** The key, or the prefix of a list. */
  readonly key: string;
  /** Bytes of objects that went through, also when the call failed. */
  readonly bytes: number;
  /** With the time that the body of a `put`, or the reader of a `get` or `list`, took for itself. */
  readonly ms: number;
  readonly error?: ErrorCode;
}

/** A target that tells `log` about each call; a reader that stops early is no error. */
export function withLog(target: Target, log: (call: TargetCall) => void): Target {
  function start(verb: TargetCall['verb'], key: string) {
    const began = performance.now();
    let bytes = 0;
    return {
      count: (chunk: Uint8Array) => {
        bytes += chunk.length;
        return chunk;
      },
      end: (error?: ErrorCode) =>
        log({ verb, key, bytes, ms: performance.now() - began, ...(error === undefined ? {} : { error }) }),
    };
  }

  async function logged<T>(call: ReturnType<typeof start>, work: () => Promise<T>): Promise<T> {
    let error: ErrorCode | undefined;
    try {
      return await work();
    } catch (thrown) {
      error = asLifeboatError(thrown).code;
      throw thrown;
    } finally {
      call.end(error);
    }
  }

  async function* loggedItems<T>(call: ReturnType<typeof start>, items: () => AsyncIterable<T>): AsyncIterable<T> {
    let error: ErrorCode | undefined;
    try {
      yield* items();
    } catch (thrown) {
      error = asLifeboatError(thrown).code;
      throw thrown;
    } finally {
      call.end(error);
    }
  }

  return {
    url: target.url,
    traits: target.traits,

    put(key, body, options, signal) {
      const call = start('put', key);
      async function* counted() {
        for await (const chunk of chunksOf(body)) yield call.count(chunk);
      }
      // Bytes stay bytes, for a wrapper below may store only them a second time.
      if (body instanceof Uint8Array) call.count(body);
      const passed = body instanceof Uint8Array ? body : counted();
      return logged(call, () => target.put(key, passed, options, signal));
    },

    get(key, range, signal) {
      const call = start('get', key);
      async function* counted() {
        for await (const chunk of target.get(key, range, signal)) yield call.count(chunk);
      }
      return loggedItems(call, counted);
    },

    stat: (key, signal) => logged(start('stat', key), () => target.stat(key, signal)),
    list: (prefix, signal) => loggedItems(start('list', prefix), () => target.list(prefix, signal)),
    remove: (key, signal) => logged(start('remove', key), () => target.remove(key, signal)),
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}
