/** What of a walk an earlier point holds as it is, and what has to be stored. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { EntryType } from '../entry.ts';
import { byPath, type Chosen } from './choose.ts';
import { type Stat, statOf } from './find.ts';
import type { ManifestEntry, ManifestTrailer } from './manifest.ts';

/** A pair of the same path that looks the same. */
export interface Same {
  readonly chosen: Chosen;
  readonly entry: ManifestEntry;
}

/**
 * Sets `known` of everything that the base holds, and `kept` of what it holds as it is.
 *
 * @param base the entries of its manifest, from the first one on
 * @param differs of files that look the same, those whose content is another; asked in order, in parts
 * @throws LifeboatError `archive-damaged` for a manifest that is not whole, or not in order
 */
export async function markKept(
  chosen: readonly Chosen[],
  base: AsyncGenerator<ManifestEntry, ManifestTrailer>,
  differs: ((files: readonly Same[]) => Promise<ReadonlySet<Chosen>>) | undefined,
): Promise<ManifestTrailer> {
  for (const item of chosen) item.known = item.kept = false;
  const names = new Names();
  let asking: Same[] = [];
  const ask = async () => {
    for (const item of (await differs?.(asking)) ?? []) item.kept = false;
    asking = [];
  };
  let at = 0;
  let last = '';
  for (;;) {
    const next = await base.next();
    if (next.done === true) {
      await ask();
      names.keepTogether(chosen);
      return next.value;
    }
    const entry = next.value;
    const key = byPath(entry.path);
    if (key < last) throw new LifeboatError('archive-damaged', 'the manifest is damaged: its entries are not in order');
    last = key;
    let item = chosen[at];
    while (item !== undefined && item.path !== entry.path && byPath(item.path) < key) item = chosen[++at];
    if (item === undefined || item.path !== entry.path) continue;
    at++;
    item.known = true;
    const stat = statOf(item.stat);
    item.kept = names.looksSame(stat, entry);
    if (!item.kept || differs === undefined || entry.sha256 === undefined) continue;
    asking.push({ chosen: item, entry });
    if (asking.length >= askedAtOnce) await ask();
  }
}

const askedAtOnce = 10_000;

/** Files with several names: all of them lie in one archive, the first as a file, the others as links to it. */
class Names {
  /** Entries that others may be further names of. */
  readonly #firsts = new Map<string, ManifestEntry>();

  looksSame(stat: Stat, entry: ManifestEntry): boolean {
    if (entry.type === 'hardlink') {
      const first = this.#firsts.get(entry.link ?? '');
      return first !== undefined && first.in === entry.in && first.inode === entry.inode && isSame(stat, first);
    }
    if (stat.links > 1 && stat.type !== 'd') this.#firsts.set(entry.path, entry);
    return isSame(stat, entry);
  }

  /** They are kept together or stored together. */
  keepTogether(chosen: readonly Chosen[]): void {
    const several = chosen.filter(({ stat }) => !stat.endsWith(' 1') && !stat.startsWith('d'));
    const inodes = Map.groupBy(several, ({ stat }) => statOf(stat).inode);
    for (const names of inodes.values()) {
      if (names.some(({ kept }) => !kept)) for (const name of names) name.kept = false;
    }
  }
}

const types: Readonly<Record<string, EntryType>> = {
  f: 'file',
  d: 'directory',
  l: 'symlink',
  p: 'fifo',
  c: 'char',
  b: 'block',
};

/** The number of a device may be another after each start of the host, that of the inode is not. */
function isSame(stat: Stat, entry: ManifestEntry): boolean {
  return (
    entry.ctimeNs === stat.ctimeNs &&
    entry.mtimeNs === stat.mtimeNs &&
    entry.type === types[stat.type] &&
    (entry.type !== 'file' || entry.size === stat.size) &&
    (entry.type === 'symlink' || entry.mode === stat.mode) &&
    `${entry.uid}:${entry.gid}` === stat.owner &&
    inodeNumber(entry.inode) === inodeNumber(stat.inode)
  );
}

function inodeNumber(inode: string | undefined): string | undefined {
  return inode?.slice(inode.indexOf(':') + 1);
}
