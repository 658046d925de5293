import { join } from 'node:path';
import type { Pairing } from './paired.ts';

/** How long a person waits for `--help`, against the bare interpreter. */
export async function startup(): Promise<Pairing> {
  const lifeboat = join(import.meta.dirname, '../../bin/lifeboat.js');
  return {
    ours: [process.execPath, lifeboat, '--help'],
    peer: [process.execPath, '-e', '0'],
    rounds: 31,
    target: 2,
    [Symbol.asyncDispose]: async () => {},
  };
}
