/** Taking away what was restored somewhere for a while. */
import { readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { isSystemError } from '../../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';
import { unlock } from './attributes.ts';
import { holding } from './held.ts';

/**
 * Removes a directory and all that is in it, also what has flags that nobody may change it (`chattr +i`, `+a`). Nothing there is a fine thing.
 *
 * @throws SystemError
 */
export async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true } as const;
  try {
    await rm(path, options);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    unlockBelow(path);
    await rm(path, options);
  }
}

function unlockBelow(directory: string): void {
  const left = [directory];
  for (const path of left) {
    holding(path, unlock);
    for (const entry of readdirSync(nameToBytes(path), { withFileTypes: true, encoding: 'buffer' })) {
      const inside = `${path}/${nameFromBytes(entry.name)}`;
      if (entry.isDirectory()) left.push(inside);
      else if (entry.isFile()) holding(inside, unlock);
    }
  }
}
