import { abortError, raceAbort, throwIfAborted } from '../kernel/wait.ts';
import { type Body, chunksOf } from './target.ts';

/**
 * The chunks of a body until the signal is aborted, also while the body hangs. For the `put` of a target, which owes
 * its caller an end when the signal says so and cannot rely on the body to know that signal.
 */
export async function* abortable(body: Body, signal: AbortSignal): AsyncIterable<Uint8Array> {
  throwIfAborted(signal);
  const source = chunksOf(body)[Symbol.asyncIterator]();
  let finished = false;
  try {
    for (;;) {
      const next = source.next();
      // When the body itself aborts the signal, raceAbort gives up before it looks at what the body throws.
      next.catch(abandoned);
      const step = await raceAbort(next, signal);
      finished = step.done === true;
      if (step.done === true) return;
      yield step.value;
      if (signal.aborted) throw abortError(signal);
    }
  } finally {
    if (!finished) await closing(source, signal);
  }
}

/** Lets the body clean up; one that hangs would never answer, so after an abort nobody waits for it. */
async function closing(source: AsyncIterator<Uint8Array>, signal: AbortSignal): Promise<void> {
  const closed = source.return?.();
  if (closed === undefined) return;
  if (signal.aborted) closed.catch(abandoned);
  else await closed;
}

/** What an abandoned body throws comes after the reason that is already being reported. */
function abandoned(): void {
  return;
}
