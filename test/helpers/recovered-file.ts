import { readFile } from 'node:fs/promises';
import { placeIn } from '../../src/host/place-in.ts';
import { recoveredFile } from '../../src/recover/once.ts';

/** What a recovered system says of that, its own links followed. */
export async function readRecovered(root: string): Promise<unknown> {
  return JSON.parse(await readFile(await placeIn(root, recoveredFile), 'utf8'));
}
