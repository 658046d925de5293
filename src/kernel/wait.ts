/** Waiting that can be interrupted: sleeping, time limits, retrying. */
import { setTimeout as delay } from 'node:timers/promises';
import { asLifeboatError, LifeboatError } from './errors.ts';

/** The longest that a timer of Node can wait, some 25 days; given more, it fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/** The reason of an aborted signal as a {@link LifeboatError}; `interrupted` when it has none of its own. */
export function abortError(signal: AbortSignal): LifeboatError {
  const reason: unknown = signal.reason;
  return reason instanceof LifeboatError ? reason : new LifeboatError('interrupted', 'interrupted', { cause: reason });
}

/** Throws the signal's reason as a {@link LifeboatError} when it is aborted. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw abortError(signal);
}

/** Resolves after `ms` milliseconds, or rejects with the signal's reason. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  try {
    await delay(ms, undefined, { signal });
  } catch {
    throw abortError(signal);
  }
}

/** A signal that follows `parent` and is also aborted with `error` after `ms`; dispose it to stop the clock. */
export function limited(
  parent: AbortSignal,
  ms: number,
  error: () => LifeboatError,
): { readonly signal: AbortSignal } & Disposable {
  const own = new AbortController();
  const timer = setTimeout(() => own.abort(error()), Math.min(ms, LONGEST_MS));
  return {
    signal: AbortSignal.any([parent, own.signal]),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** `work`, given up when the signal is aborted even if the work itself does not notice. */
export async function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(abortError(signal));
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    // Raced even when it is too late: nobody else handles what the work may still throw.
    return await Promise.race([aborted.promise, work]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  /** Pause before the second attempt in milliseconds; doubled for each further one, up to `maxDelayMs`. */
  readonly delayMs: number;
  readonly maxDelayMs: number;
}

/**
 * Runs `work` until it succeeds, fails for good (an error that is not `retryable`), or the attempts are used up.
 *
 * @param onRetry told before each further attempt
 */
export async function retry<T>(
  policy: RetryPolicy,
  work: (attempt: number) => Promise<T>,
  onRetry: (error: LifeboatError, attempt: number) => void,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    throwIfAborted(signal);
    try {
      return await work(attempt);
    } catch (error) {
      const known = asLifeboatError(error);
      if (!known.retryable || attempt >= policy.attempts || signal.aborted) throw error;
      onRetry(known, attempt + 1);
      const pause = Math.min(policy.delayMs * 2 ** (attempt - 1), policy.maxDelayMs);
      // A random half keeps many hosts that failed together from returning together.
      await sleep(pause * (0.5 + Math.random() / 2), signal);
    }
  }
}
