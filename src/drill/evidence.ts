/** What can be looked at when a drill is over. */
import { hash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asLifeboatError } from '../kernel/errors.ts';
import type { Machine } from '../machine/machine.ts';

/** As they were printed in the machine. */
export interface Printed {
  readonly document?: string;
  readonly log?: CappedLines;
}

/** Lines up to so many bytes; of more it is only said that there were. */
export class CappedLines {
  readonly #lines: string[] = [];
  readonly #limit: number;
  #bytes = 0;
  #left = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(line: string): void {
    this.#bytes += line.length + 1;
    if (this.#bytes > this.#limit) this.#left += 1;
    else this.#lines.push(line);
  }

  text(): string {
    const note = this.#left === 0 ? [] : [`… ${this.#left} more lines are not kept`];
    return [...this.#lines, ...note].map((line) => `${line}\n`).join('');
  }
}

/** Its beginning and its end, where it is longer. */
export function capped(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const half = limit >> 1;
  const left = text.length - 2 * half;
  return `${text.slice(0, half)}\n… ${left} characters are not kept …\n${text.slice(-half)}`;
}

/** More than anybody reads. */
const mostKept = 4 * 1024 * 1024;

/** @returns digests of the files, by their names */
export async function keepEvidence(
  machine: Machine,
  { document, log }: Printed,
  evidence: string,
): Promise<Record<string, string>> {
  const screen = join(evidence, 'screen.png');
  await rm(screen, { force: true });
  await writeFile(join(evidence, 'serial.log'), capped(machine.serial.text(), mostKept));
  if (document !== undefined) await writeFile(join(evidence, 'recovery.json'), document);
  if (log !== undefined) await writeFile(join(evidence, 'recovery.log'), log.text());
  // A machine that has ended shows no screen.
  await machine.screenshot(screen, AbortSignal.timeout(60_000)).catch(() => undefined);
  const digests: Record<string, string> = {};
  for (const name of ['serial.log', 'screen.png', 'recovery.json', 'recovery.log']) {
    const bytes = await readFile(join(evidence, name)).catch((error: unknown) => {
      if (asLifeboatError(error).code === 'not-found') return undefined;
      throw error;
    });
    if (bytes !== undefined) digests[name] = hash('sha256', bytes);
  }
  return digests;
}
