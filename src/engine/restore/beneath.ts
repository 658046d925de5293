/**
 * Names below a directory that nothing leads out of: the way to each is opened without following a symlink, and what is
 * then done is done to a name in that open directory, whatever happens to the way meanwhile.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { nameToBytes } from '../../kernel/text.ts';
import { O_PATH, openat2, RESOLVE } from '../../native/file.ts';
import { parentOf } from '../tar/include.ts';

const { O_DIRECTORY } = constants;
const resolve = RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS;

/**
 * @param path of an entry, relative; `''` for the directory itself
 * @param use is given a name for it that holds as long as `use` runs, in the encoding of `kernel/text.ts`
 * @throws SystemError `ELOOP` when there is a symlink on the way, …
 */
export function beneath<T>(root: string, path: string, use: (place: string) => T): T {
  const top = openSync(nameToBytes(root), O_PATH | O_DIRECTORY);
  let parent: number | undefined;
  try {
    const above = parentOf(path);
    if (above !== '') parent = openat2(top, above, O_PATH | O_DIRECTORY, 0, resolve);
    return use(`/proc/self/fd/${parent ?? top}/${path === '' ? '.' : path.slice(path.lastIndexOf('/') + 1)}`);
  } finally {
    if (parent !== undefined) closeSync(parent);
    closeSync(top);
  }
}
