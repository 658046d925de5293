/** The extents of a group's physical volumes, handed out from the front. */

interface Area {
  readonly pv: string;
  readonly count: number;
  /** `pv:…:0-39` */
  readonly text: string;
  /** A part of it, as text. */
  part(from: number, count: number): string;
}

export class ExtentPool {
  readonly #size: ReadonlyMap<string, number>;
  readonly #used = new Map<string, number>();

  constructor(size: ReadonlyMap<string, number>) {
    this.#size = size;
  }

  free(pv?: string): number {
    return [...this.#size].reduce(
      (total, [id, size]) => (pv === undefined || pv === id ? total + size - (this.#used.get(id) ?? 0) : total),
      0,
    );
  }

  /** Wherever there is room, of these physical volumes. `undefined` where that is too little. */
  linear(count: number, allowed: readonly string[] = [...this.#size.keys()]): Area[] | undefined {
    if (allowed.reduce((total, pv) => total + this.free(pv), 0) < count) return undefined;
    let left = count;
    return allowed.flatMap((pv) => {
      const own = Math.min(left, this.free(pv));
      left -= own;
      return own === 0 ? [] : [this.#take(pv, own)];
    });
  }

  /** So many areas of that size, each on another physical volume. */
  apart(legs: number, count: number, allowed: readonly string[] = [...this.#size.keys()]): Area[] | undefined {
    const pvs = allowed.filter((pv) => this.free(pv) >= count).slice(0, legs);
    return pvs.length < legs || count < 1 ? undefined : pvs.map((pv) => this.#take(pv, count));
  }

  #take(pv: string, count: number): Area {
    const first = this.#used.get(pv) ?? 0;
    this.#used.set(pv, first + count);
    return {
      pv,
      count,
      text: `${pv}:${first}-${first + count - 1}`,
      part: (from, own) => `${pv}:${first + from}-${first + from + own - 1}`,
    };
  }
}
