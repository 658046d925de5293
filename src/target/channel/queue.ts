/** A sequence that one side fills and the other takes from. */

export class Queue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #over: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  /** After the end nothing is taken any more. */
  push(item: T): void {
    if (this.#over !== undefined) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** What was pushed before is still given. */
  end(): void {
    this.#over ??= {};
    this.#wake?.();
  }

  /** What was pushed before is not given any more. */
  fail(error: Error): void {
    if (this.#over !== undefined) return;
    this.#items.length = 0;
    this.#over = { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#over !== undefined) {
        if (this.#over.error !== undefined) throw this.#over.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
