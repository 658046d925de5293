/** A sequence that one side fills and the other takes from. */

interface Item<T> {
  readonly value: T;
  /** Told when it is taken. */
  readonly taken?: () => void;
}

export class Queue<T> implements AsyncIterable<T> {
  readonly #items: Item<T>[] = [];
  #over: { readonly error?: Error } | undefined;
  #wake: (() => void) | undefined;

  /** After the end nothing is taken any more. */
  push(item: T): void {
    if (this.#over !== undefined) return;
    this.#items.push({ value: item });
    this.#wake?.();
  }

  /** As {@link push}; settles when it was taken, which it may never be. */
  async put(item: T): Promise<void> {
    if (this.#over !== undefined) return;
    await new Promise<void>((taken) => {
      this.#items.push({ value: item, taken });
      this.#wake?.();
    });
  }

  /** In place of the last item that nobody has taken yet, what `merge` makes of it; nothing where it makes nothing. */
  replaceLast(merge: (last: T) => T | undefined): boolean {
    const last = this.#items.at(-1);
    const value = last === undefined || this.#over !== undefined ? undefined : merge(last.value);
    if (last === undefined || value === undefined) return false;
    this.#items[this.#items.length - 1] = { ...last, value };
    return true;
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
        item.taken?.();
        yield item.value;
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
