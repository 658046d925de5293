/**
 * What no point may hold: something below an entry that is no directory. tar opens each name anew, and follows a directory
 * that somebody replaced by a symlink since the walk.
 */
import type { EntryType } from '../entry.ts';

export const strayProblem =
  'is not in the point: a directory above it, or above another name of it, was replaced while the backup ran';

export interface Placed {
  readonly path: string;
  readonly type: EntryType;
  readonly link?: string;
}

/** To be asked about every entry, in the order of a walk. */
export class Strays {
  /** What is below the last entry that is no directory would come right after it. */
  #below = '/';
  readonly #found = new Set<string>();

  /** Whether it lies below what is no directory, or is another name of something that does. */
  has({ path, type, link }: Placed): boolean {
    if (path.startsWith(this.#below) || (type === 'hardlink' && link !== undefined && this.#found.has(link))) {
      this.#found.add(path);
      return true;
    }
    if (type !== 'directory') this.#below = `${path}/`;
    return false;
  }
}
