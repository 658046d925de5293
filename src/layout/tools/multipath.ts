/** What the kernel and the configuration say of multipath. The daemon is not asked: it may not run, and hangs with its paths. */
import type { Argv } from '../../host/host.ts';

/** All maps at once. The ioctl reads nothing from a path, so that it answers for dead ones, too. */
export const tablesArgv: Argv = ['dmsetup', 'table', '--target', 'multipath'];
export const statesArgv: Argv = ['dmsetup', 'status', '--noflush', '--target', 'multipath'];

export interface MapTable {
  /** `queue_if_no_path`, `pg_init_retries 50`, … each as one word or as it was written. */
  readonly features: readonly string[];
  /** `alua`, with its arguments; empty for none. */
  readonly handler: string;
  readonly groups: readonly {
    /** `service-time 0`: with its arguments. */
    readonly selector: string;
    /** Numbers of the devices. */
    readonly paths: readonly string[];
  }[];
}

export interface MapState {
  readonly groups: readonly {
    readonly state: 'active' | 'enabled' | 'disabled';
    readonly paths: readonly { readonly number: string; readonly failed: boolean }[];
  }[];
}

/** Lines of `NAME: START LENGTH multipath ARGUMENTS`, by name. */
function mapLines(stdout: string): [string, string[]][] {
  return stdout
    .split('\n')
    .filter((line) => line !== '' && line !== 'No devices found')
    .map((line) => {
      const [, name, rest] = /^(.+): \d+ \d+ multipath (.*)$/.exec(line) ?? [];
      if (name === undefined || rest === undefined) throw new Error(`not of a map: ${JSON.stringify(line)}`);
      return [unmangled(name), rest.trim().split(/ +/)];
    });
}

/** dmsetup writes bytes that udev would not like as `\x20`. */
function unmangled(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Words from the first to the last; a count says how many belong together. */
class Words {
  readonly #words: readonly string[];
  #at = 0;
  constructor(words: readonly string[]) {
    this.#words = words;
  }
  next(): string {
    const word = this.#words[this.#at];
    if (word === undefined) throw new Error('the line ends too early');
    this.#at += 1;
    return word;
  }
  count(): number {
    const word = this.next();
    if (!/^\d{1,4}$/.test(word)) throw new Error(`not a count: ${word}`);
    return Number(word);
  }
  take(count: number): string[] {
    return Array.from({ length: count }, () => this.next());
  }
  counted(): string[] {
    return this.take(this.count());
  }
}

/** @throws Error for what is no table of maps */
export function parseTables(stdout: string): Map<string, MapTable> {
  return new Map(
    mapLines(stdout).map(([name, list]) => {
      const words = new Words(list);
      const features = grouped(words.counted());
      const handler = words.counted().join(' ');
      const count = words.count();
      words.next();
      const groups = Array.from({ length: count }, () => {
        const selector = [words.next(), ...words.counted()].join(' ');
        const [paths, perPath] = [words.count(), words.count()];
        return {
          selector,
          paths: Array.from({ length: paths }, () => {
            const number = words.next();
            words.take(perPath);
            return number;
          }),
        };
      });
      return [name, { features, handler, groups }];
    }),
  );
}

/** A number belongs to the word before it: `pg_init_retries 50`. */
function grouped(words: readonly string[]): string[] {
  const found: string[] = [];
  for (const word of words) {
    const last = found.at(-1);
    if (/^\d+$/.test(word) && last !== undefined) found[found.length - 1] = `${last} ${word}`;
    else found.push(word);
  }
  return found.sort();
}

const groupStates: Readonly<Record<string, MapState['groups'][number]['state']>> = {
  A: 'active',
  E: 'enabled',
  D: 'disabled',
};

/** @throws Error for what is no status of maps */
export function parseStates(stdout: string): Map<string, MapState> {
  return new Map(
    mapLines(stdout).map(([name, list]) => {
      const words = new Words(list);
      words.counted();
      words.counted();
      const count = words.count();
      words.next();
      const groups = Array.from({ length: count }, () => {
        const state = groupStates[words.next()] ?? 'enabled';
        words.counted();
        const [paths, perPath] = [words.count(), words.count()];
        return {
          state,
          paths: Array.from({ length: paths }, () => {
            const number = words.next();
            const failed = words.next() === 'F';
            // How often it has failed, and what the selector keeps of it.
            words.take(1 + perPath);
            return { number, failed };
          }),
        };
      });
      return [name, { groups }];
    }),
  );
}
