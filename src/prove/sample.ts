/** Of which files the content is read, where reading all of it would take longer than it may. */

/** What it costs besides its bytes to open a file and read it, and to look at an entry, in bytes that could have been read meanwhile. */
const openingCost = 64 * 1024;
const lookingCost = 4 * 1024;
/** So long everything is read that is not large, so that it is known how fast that is. */
const warmUpMs = 2000;
/** Bytes in a millisecond that any disk reads. */
const slowest = 20_000;

export interface SampleOptions {
  readonly budgetMs: number;
  /** Of the whole point. */
  readonly entries: number;
  readonly bytes: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly chance: () => number;
}

export const sampleRule =
  'of each file that followed, chance decided, as likely for each as the time that was left allowed; a file that alone takes longer than that was left out';

/**
 * Decides file by file, in the order of the point, which disks read fastest: each with the same chance, which follows from how
 * much has been done in the time that is gone.
 */
export class Sample {
  readonly #options: SampleOptions;
  readonly #begun: number;
  #entriesLeft: number;
  #bytesLeft: number;
  /** Of what was done, and of what is being done. */
  #work = 0;
  /** Files that were left out. */
  left = 0;

  constructor(options: SampleOptions) {
    this.#options = options;
    this.#begun = options.now();
    this.#entriesLeft = options.entries;
    this.#bytesLeft = options.bytes;
  }

  /** Of each entry, before {@link takes} of what is a file. */
  looked(): void {
    this.#entriesLeft = Math.max(0, this.#entriesLeft - 1);
    this.#work += lookingCost;
  }

  /** @param pending bytes of files that were taken and are not read yet */
  takes(size: number, pending: number): boolean {
    const taken = this.#chanceOf(size, pending);
    this.#bytesLeft = Math.max(0, this.#bytesLeft - size);
    if (taken) this.#work += openingCost + size;
    else this.left++;
    return taken;
  }

  #chanceOf(size: number, pending: number): boolean {
    const { budgetMs, now, chance } = this.#options;
    const gone = now() - this.#begun;
    const leftMs = budgetMs - gone;
    if (leftMs <= 0) return false;
    if (gone < Math.min(warmUpMs, budgetMs / 10)) return size <= (leftMs * slowest) / 8;
    const speed = Math.max(1, this.#work - pending) / gone;
    const room = leftMs * speed - pending - this.#entriesLeft * lookingCost;
    const cost = openingCost + size;
    // How many of the entries that are left are files is not known: all of them may be.
    const wanted = this.#bytesLeft + (this.#entriesLeft + 1) * openingCost;
    return cost <= room && (room >= wanted || chance() < room / wanted);
  }
}
