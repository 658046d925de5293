/** Two ends of a pipe that work at the same time. */
import { setImmediate } from 'node:timers/promises';

/**
 * What a source gives, of which the next is being made while the one before is used. What is given has to stay until the
 * second next is asked for. What the source throws comes in its turn.
 */
export async function* ahead<T>(source: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]();
  let over = false;
  const begin = async (): Promise<IteratorResult<T>> => {
    // Whoever got the one before begins with that first.
    await setImmediate();
    return iterator.next();
  };
  let next = begin();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) {
        over = true;
        return;
      }
      next = begin();
      // Looked at in its turn.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    if (!over) {
      await next.catch(() => undefined);
      await iterator.return?.();
    }
  }
}
