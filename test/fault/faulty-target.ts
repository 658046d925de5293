/** A target that fails by a script, in front of a real one: for tests of what stands on top of a target. */
import { LifeboatError } from '../../src/kernel/errors.ts';
import { raceAbort } from '../../src/kernel/wait.ts';
import { type Body, chunksOf, type Target } from '../../src/target/target.ts';

export type TargetVerb = 'put' | 'get' | 'stat' | 'list' | 'remove';

export interface TargetFault {
  readonly verb: TargetVerb;
  /** The first call of the verb that fails, counted from 1; 1 when left out. */
  readonly call?: number;
  /** How many calls in a row fail; 1 when left out. */
  readonly times?: number;
  readonly does: FaultAction;
}

export type FaultAction =
  /** Fails before anything happens. */
  | { readonly fail: Error }
  /** `put` and `get`: fails after so many bytes; the target below sees a body that throws. */
  | { readonly cutAfter: number; readonly fail: Error }
  /** The call succeeds below, and its answer is lost. */
  | { readonly lostAnswer: Error }
  /** Neither succeeds nor fails until the signal is aborted. */
  | { readonly hang: true };

export interface FaultyTarget extends Target {
  /** How often the verb was called so far. */
  calls(verb: TargetVerb): number;
}

/** An error that a further attempt may not meet. */
export function flaky(message = 'the connection was reset'): LifeboatError {
  return new LifeboatError('unreachable', message, { retryable: true });
}

/** The storage is full after so many bytes. */
export function fullAfter(bytes: number): FaultAction {
  return { cutAfter: bytes, fail: new LifeboatError('no-space', 'no space left on the target') };
}

/** `base`, whose calls fail as the script says; of two faults for one call the first in the script holds. */
export function faultyTarget(base: Target, script: readonly TargetFault[]): FaultyTarget {
  const counts = new Map<TargetVerb, number>();

  function next(verb: TargetVerb): FaultAction | undefined {
    const call = (counts.get(verb) ?? 0) + 1;
    counts.set(verb, call);
    const fault = script.find((one) => {
      const first = one.call ?? 1;
      return one.verb === verb && call >= first && call < first + (one.times ?? 1);
    });
    return fault?.does;
  }

  async function through<T>(
    verb: TargetVerb,
    work: (does: FaultAction | undefined) => Promise<T>,
    signal: AbortSignal,
  ) {
    const does = next(verb);
    await before(does, signal);
    const result = await work(does);
    if (does !== undefined && 'lostAnswer' in does) throw does.lostAnswer;
    return result;
  }

  return {
    url: base.url,
    traits: base.traits,
    calls: (verb) => counts.get(verb) ?? 0,
    put: (key, body, options, signal) =>
      through('put', (does) => base.put(key, cut(body, does), options, signal), signal),
    async *get(key, range, signal) {
      const does = next('get');
      await before(does, signal);
      yield* cut(base.get(key, range, signal), does);
      if (does !== undefined && 'lostAnswer' in does) throw does.lostAnswer;
    },
    stat: (key, signal) => through('stat', () => base.stat(key, signal), signal),
    async *list(prefix, signal) {
      const does = next('list');
      await before(does, signal);
      yield* base.list(prefix, signal);
      if (does !== undefined && 'lostAnswer' in does) throw does.lostAnswer;
    },
    remove: (key, signal) => through('remove', () => base.remove(key, signal), signal),
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
}

async function before(does: FaultAction | undefined, signal: AbortSignal): Promise<void> {
  if (does === undefined) return;
  if ('hang' in does) await raceAbort(new Promise<never>(() => undefined), signal);
  if ('fail' in does && !('cutAfter' in does)) throw does.fail;
}

function cut(body: AsyncIterable<Uint8Array>, does: FaultAction | undefined): AsyncIterable<Uint8Array>;
function cut(body: Body, does: FaultAction | undefined): Body;
function cut(body: Body, does: FaultAction | undefined): Body {
  return does !== undefined && 'cutAfter' in does ? firstBytes(chunksOf(body), does.cutAfter, does.fail) : body;
}

async function* firstBytes(body: AsyncIterable<Uint8Array>, bytes: number, error: Error): AsyncIterable<Uint8Array> {
  let left = bytes;
  for await (const chunk of body) {
    const part = chunk.subarray(0, left);
    if (part.length > 0) yield part;
    left -= part.length;
    if (left === 0) break;
  }
  throw error;
}
