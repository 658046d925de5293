/** What was left out by choice, counted by rule. */
import type { Exclusion } from '../engine.ts';

const examples = 5;

export class Exclusions {
  readonly #found = new Map<string, { -readonly [Key in keyof Exclusion]: Exclusion[Key] }>();
  /** A path below two of the included ones is met twice. */
  readonly #paths = new Set<string>();

  /** @param path absolute */
  add(rule: Exclusion['rule'], path: string, bytes: number, pattern?: string): void {
    if (this.#paths.has(path)) return;
    this.#paths.add(path);
    const key = `${rule} ${pattern ?? ''}`;
    const found = this.#found.get(key) ?? {
      rule,
      ...(pattern === undefined ? {} : { pattern }),
      entries: 0,
      bytes: 0,
      examples: [],
    };
    found.entries++;
    found.bytes += bytes;
    if (found.examples.length < examples) found.examples = [...found.examples, path];
    this.#found.set(key, found);
  }

  list(): Exclusion[] {
    return [...this.#found.values()];
  }
}
