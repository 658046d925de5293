import type { LifeboatError } from '../../kernel/errors.ts';
import { type RetryPolicy, retry } from '../../kernel/wait.ts';

/**
 * The items of a sequence that is opened again when it fails with a retryable error.
 *
 * @param open gives what is still to come; called at the start and after each failure
 * @param policy asked before each item
 */
export async function* resuming<T>(
  open: () => Promise<AsyncIterable<T>>,
  policy: () => RetryPolicy,
  onRetry: (error: LifeboatError, attempt: number) => void,
  signal: AbortSignal,
): AsyncIterable<T> {
  let source: AsyncIterator<T> | undefined;
  const next = async () => {
    source ??= (await open())[Symbol.asyncIterator]();
    try {
      return await source.next();
    } catch (error) {
      source = undefined;
      throw error;
    }
  };
  try {
    for (;;) {
      // Only the step is retried: what the reader throws into the sequence is no failure of the target.
      const step = await retry(policy(), next, onRetry, signal);
      if (step.done === true) {
        source = undefined;
        return;
      }
      yield step.value;
    }
  } finally {
    await source?.return?.();
  }
}
