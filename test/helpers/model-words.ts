/** What the tools of the model are called with. */
import { expect } from 'vitest';
import type { Machine } from './model-machine.ts';

export interface Call {
  readonly machine: Machine;
  readonly args: readonly string[];
  readonly stdin: Buffer;
}

export type Tool = (call: Call) => void;

/** Options of a call, and what is none. Those in `valued` take the next word. */
export function parsed(
  args: readonly string[],
  valued: readonly string[],
): { options: Map<string, string>; rest: string[] } {
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? '';
    const [, name, value] = /^(--[\w-]+)=(.*)$/.exec(word) ?? [];
    if (name !== undefined && value !== undefined) options.set(name, value);
    else if (valued.includes(word)) options.set(word, args[++index] ?? '');
    else if (word.startsWith('-') && word !== '-') options.set(word, '');
    else rest.push(word);
  }
  return { options, rest };
}

export const bytesOf = (text: string | undefined): number => {
  const [, digits, unit = ''] = /^(\d+)([bkKM]?)$/.exec(text ?? '') ?? [];
  expect(digits, `a size: ${text}`).toBeDefined();
  return Number(digits) * ({ b: 1, k: 1024, K: 1024, M: 1 << 20 }[unit] ?? 1);
};

export function partitionPath(disk: string, number: number): string {
  if (disk.startsWith('/dev/disk/')) return `${disk}-part${number}`;
  return /\d$/.test(disk) ? `${disk}p${number}` : `${disk}${number}`;
}
