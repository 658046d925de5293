/** Speed over the last seconds, and the time that is left at that speed. */
const WINDOW_MS = 10_000;

export class Rate {
  readonly #now: () => number;
  #samples: { at: number; done: number }[] = [];
  #total: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(done: number, total: number | undefined): void {
    const at = this.#now();
    this.#total = total;
    this.#samples.push({ at, done });
    // One sample older than the window stays, as the beginning of it.
    while ((this.#samples[1]?.at ?? at) < at - WINDOW_MS) this.#samples.shift();
  }

  /** 0 until there are two samples apart in time. */
  get perSecond(): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (!first || !last || last.at <= first.at) return 0;
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }

  /** Milliseconds, or `undefined` while nothing is known. */
  get leftMs(): number | undefined {
    const done = this.#samples.at(-1)?.done ?? 0;
    const speed = this.perSecond;
    return this.#total === undefined || speed <= 0 ? undefined : Math.max(0, ((this.#total - done) * 1000) / speed);
  }
}
