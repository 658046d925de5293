/**
 * What a restore has to do: the chosen entries of a point compared with what is at the destination. Nothing but what
 * differs is restored, and whatever would be lost by that is known before.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { Entry } from '../entry.ts';
import { isBelow, parentOf } from '../tar/include.ts';
import { readFlags } from './attributes.ts';
import { type Change, changeOf, type Comparison } from './comparison.ts';
import { attributeDifferences, emptyDirectory, type Now, nowOf, sameContent } from './difference.ts';
import { inspect, pathBelow, type Seen } from './inspect.ts';
import { type Mounts, mountsBelow } from './mounts.ts';
import { type OwnerMap, withOwners } from './owners.ts';
import type { Lacks } from './rights.ts';
import { belowSymlink, notRestored, type Selection, symlinkCheck } from './select.ts';

export interface CompareOptions {
  /** Its real path. What stands for `/` itself is compared only where `root` says so. */
  readonly directory: string;
  readonly root: boolean;
  readonly owners?: OwnerMap | undefined;
  /** Told what of entries that are there already this process could not restore anyway. */
  readonly lacks?: Lacks;
  readonly onProgress: (entries: number) => void;
}

/** A directory at the destination, or why there is none. */
type Place =
  | { readonly is: 'there'; readonly device: bigint; readonly crossing: string }
  | { readonly is: 'absent' }
  | { readonly is: 'blocked'; readonly by: { readonly path: string; readonly why: string; entries: number } };

const absent: Place = { is: 'absent' };

/** @throws LifeboatError `archive-unsafe` for an entry that would leave the directory */
export async function compareWith(
  entries: AsyncIterable<Entry>,
  selection: Selection,
  options: CompareOptions,
  signal: AbortSignal,
): Promise<Comparison> {
  const comparing = new Comparing(selection, options, signal);
  const symlinkAbove = symlinkCheck();
  for await (const entry of entries) {
    const symlink = symlinkAbove(entry);
    if (!selection.has(entry.path)) continue;
    throwIfAborted(signal);
    if (symlink !== undefined) comparing.leave(entry, symlink);
    else await comparing.add(withOwners(entry, options.owners));
  }
  return comparing.finish();
}

class Comparing {
  readonly #selection: Selection;
  readonly #options: CompareOptions;
  readonly #signal: AbortSignal;
  readonly #mounts: Mounts;
  readonly #places = new Map<string, Place>();
  readonly #changes = new Map<string, Change>();
  readonly #directories: Comparison['directories'][number][] = [];
  readonly #flagged: Entry[] = [];
  readonly #blocked: Extract<Place, { is: 'blocked' }>['by'][] = [];
  readonly #symlinks = new Map<string, Extract<Place, { is: 'blocked' }>['by']>();
  readonly #left = new Set<string>();
  readonly #crossings = new Set<string>();
  /** Entries of chosen directories, less those that the point has too. */
  #untouched = 0;
  readonly #counted = new Set<string>();
  /** Of files at the destination that have several names. */
  readonly #inodes = new Map<string, { readonly inode: string; readonly now: Now }>();
  /** The entry of the point that each of these stands for. */
  readonly #claimed = new Map<string, string>();
  /** Names of an entry besides its own, and how many names its file has here. */
  readonly #names = new Map<string, string[]>();
  readonly #links = new Map<string, bigint>();
  #created = 0;
  #bytes = 0;
  #same = 0;
  #done = 0;

  constructor(selection: Selection, options: CompareOptions, signal: AbortSignal) {
    this.#selection = selection;
    this.#options = options;
    this.#signal = signal;
    this.#mounts = mountsBelow(options.directory);
  }

  async add(entry: Entry): Promise<void> {
    this.#done++;
    if (this.#done % 256 === 0) this.#options.onProgress(this.#done);
    if (entry.flags !== undefined) this.#flagged.push(entry);
    if (entry.path === '') return this.#addRoot(entry);
    const place = await this.#placeOf(parentOf(entry.path));
    if (place.is === 'blocked') {
      place.by.entries++;
      return;
    }
    if (place.is === 'absent') {
      this.#count(entry);
      return;
    }
    const seen = await inspect(
      this.#options.directory,
      entry.path,
      (stats) => entry.type === 'file' && entry.sha256 !== undefined && Number(stats.size) === entry.size,
      this.#signal,
    );
    if (seen === undefined) {
      this.#change(entry, { action: 'create' }, place);
      if (entry.type === 'directory') this.#places.set(entry.path, absent);
      if (entry.type === 'hardlink') await this.#link(entry, undefined, place);
      return;
    }
    if (this.#counted.has(parentOf(entry.path))) this.#untouched--;
    if (entry.type === 'directory') await this.#compareDirectory(entry, seen, place);
    else if (seen.entry?.type === 'directory') await this.#compareWithDirectory(entry, place);
    else if (entry.type === 'hardlink') await this.#link(entry, seen, place);
    else this.#compareFile(entry, seen, place);
  }

  /** What cannot be what was there. */
  leave({ path }: Entry, symlink: string): void {
    const by = this.#symlinks.get(symlink) ?? this.#block(symlink, belowSymlink).by;
    this.#symlinks.set(symlink, by);
    by.entries++;
    this.#left.add(path);
  }

  finish(): Comparison {
    this.#settleNames();
    return {
      changes: this.#changes,
      left: this.#left,
      flagged: this.#flagged.filter(({ path }) => this.#changeOf(path) !== undefined),
      directories: this.#directories,
      created: this.#created,
      bytes: this.#bytes,
      same: this.#same,
      untouched: this.#untouched,
      blocked: this.#blocked
        .filter(({ entries }) => entries > 0)
        .map(({ path, why, entries }) => ({
          subject: `/${path}`,
          problem: notRestored(why, entries),
        })),
      crossings: [...this.#crossings].filter((path) => [...this.#changes.keys()].some((one) => isBelow(one, path))),
    };
  }

  async #addRoot(entry: Entry): Promise<void> {
    await this.#placeOf('');
    if (!this.#options.root || !this.#selection.chose('')) return;
    const seen = await inspect(this.#options.directory, '', () => false, this.#signal);
    if (seen === undefined) this.#directories.push({ entry, inode: undefined });
    else this.#compareAttributes(entry, seen);
  }

  async #placeOf(path: string): Promise<Place> {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const above = path === '' ? undefined : await this.#placeOf(parentOf(path));
    if (above !== undefined && above.is !== 'there') return above;
    const seen = await inspect(this.#options.directory, path, () => false, this.#signal);
    const place = this.#placeFor(path, seen, above);
    // One that the point does not have itself is made with what is in it.
    if (place.is === 'absent') {
      this.#changes.set(path, { action: 'create' });
      if (above !== undefined && above.crossing !== '') this.#crossings.add(above.crossing);
    }
    this.#places.set(path, place);
    return place;
  }

  #placeFor(path: string, seen: Seen | undefined, above: Extract<Place, { is: 'there' }> | undefined): Place {
    if (seen === undefined) return absent;
    if (seen.entry?.type !== 'directory') {
      return this.#block(path, `a ${seen.entry?.type ?? 'socket'} is in the place of a directory`);
    }
    const reason = this.#mounts.reason(path);
    if (reason !== undefined) return this.#block(path, reason);
    const device = seen.stats.dev;
    const crosses = above !== undefined && (device !== above.device || this.#mounts.has(path));
    if (crosses) this.#crossings.add(path);
    return { is: 'there', device, crossing: crosses ? path : (above?.crossing ?? '') };
  }

  #block(path: string, why: string, entries = 0): Extract<Place, { is: 'blocked' }> {
    const by = { path, why, entries };
    this.#blocked.push(by);
    return { is: 'blocked', by };
  }

  async #compareDirectory(entry: Entry, seen: Seen, above: Extract<Place, { is: 'there' }>): Promise<void> {
    const { path } = entry;
    if (seen.entry?.type === 'directory' || !this.#selection.chose(path)) {
      const place = this.#placeFor(path, seen, above);
      this.#places.set(path, place);
      if (place.is === 'there' && this.#selection.chose(path)) this.#compareAttributes(entry, seen);
      return;
    }
    this.#change(entry, { action: 'replace', now: nowOf(seen.stats) }, above);
    this.#places.set(path, absent);
  }

  #compareAttributes(entry: Entry, seen: Seen): void {
    this.#counted.add(entry.path);
    this.#untouched += namesIn(this.#options.directory, entry.path);
    this.#directories.push({ entry, inode: seen.inode });
    const differences = attributeDifferences(this.#options.directory, entry, seen, this.#options.lacks).filter(
      (text) => !text.startsWith('modification time'),
    );
    if (differences.length === 0) this.#same++;
    // Its time changes with what is put into it, and is nobody's.
    else
      this.#changes.set(entry.path, {
        action: 'attributes',
        now: emptyDirectory,
        inode: seen.inode,
        differences,
        entry,
      });
  }

  async #compareWithDirectory(entry: Entry, place: Extract<Place, { is: 'there' }>): Promise<void> {
    if (namesIn(this.#options.directory, entry.path) > 0) {
      this.#block(entry.path, `a directory that is not empty is in the place of a ${entry.type}`, 1);
      return;
    }
    this.#change(entry, { action: 'replace', now: emptyDirectory }, place);
    if (entry.type === 'hardlink') await this.#link(entry, undefined, place);
  }

  #compareFile(entry: Entry, seen: Seen, place: Extract<Place, { is: 'there' }>): void {
    const now = nowOf(seen.stats);
    const several = seen.stats.nlink > 1n;
    const claimedBy = several ? this.#claimed.get(seen.inode) : undefined;
    const stays = claimedBy === undefined && sameContent(entry, seen);
    const differences = stays ? attributeDifferences(this.#options.directory, entry, seen, this.#options.lacks) : [];
    if (!stays) this.#change(entry, { action: 'replace', now, ...this.#flagsAt(entry.path) }, place);
    else if (differences.length > 0)
      this.#changes.set(entry.path, { action: 'attributes', now, inode: seen.inode, differences, entry });
    else this.#same++;
    if (!several) return;
    this.#inodes.set(entry.path, { inode: seen.inode, now });
    this.#links.set(entry.path, seen.stats.nlink);
    if (claimedBy === undefined) this.#claimed.set(seen.inode, entry.path);
  }

  /** Another name of a file that was compared before. */
  async #link(entry: Entry, seen: Seen | undefined, place: Extract<Place, { is: 'there' }>): Promise<void> {
    const first = entry.link ?? '';
    const fresh = this.#changeOf(first)?.action;
    const there = fresh !== 'create' && fresh !== 'replace';
    if (seen !== undefined && there && this.#inodes.get(first)?.inode === seen.inode) {
      const names = this.#names.get(first);
      if (names === undefined) this.#names.set(first, [entry.path]);
      else names.push(entry.path);
      this.#inodes.set(entry.path, { inode: seen.inode, now: nowOf(seen.stats) });
      this.#same++;
      return;
    }
    const link = there ? { link: { path: first, inode: await this.#inodeOf(first) } } : {};
    const known = this.#changes.get(entry.path);
    if (seen !== undefined)
      this.#change(entry, { action: 'replace', now: nowOf(seen.stats), ...this.#flagsAt(entry.path), ...link }, place);
    else if (known !== undefined && known.action !== 'attributes') this.#changes.set(entry.path, { ...known, ...link });
  }

  /** A file whose attributes change must have no names but those of the point: they would change with it. */
  #settleNames(): void {
    const apart = new Set<string>();
    for (const [path, change] of this.#changes) {
      const file = this.#inodes.get(path);
      if (change.action !== 'attributes' || file === undefined) continue;
      const names = this.#names.get(path) ?? [];
      if (this.#links.get(path) === BigInt(1 + names.length)) continue;
      apart.add(path);
      for (const name of [path, ...names]) {
        const now = this.#inodes.get(name)?.now ?? file.now;
        this.#changes.set(name, { action: 'replace', now, ...this.#flagsAt(name) });
      }
    }
    if (apart.size === 0) return;
    for (const [name, change] of this.#changes) {
      if (change.action === 'attributes' || change.link === undefined || !apart.has(change.link.path)) continue;
      const { link: _, ...rest } = change;
      this.#changes.set(name, rest);
    }
  }

  #flagsAt(path: string): { flags?: string } {
    const flags = readFlags(join(this.#options.directory, path));
    return flags === '' ? {} : { flags };
  }

  async #inodeOf(path: string): Promise<string | undefined> {
    const known = this.#inodes.get(path)?.inode;
    return known ?? (await inspect(this.#options.directory, path, () => false, this.#signal))?.inode;
  }

  #changeOf(path: string): Change | undefined {
    return changeOf({ changes: this.#changes, left: this.#left }, path);
  }

  #change(entry: Entry, change: Change, place: Extract<Place, { is: 'there' }>): void {
    this.#changes.set(entry.path, change);
    if (change.action === 'create') this.#count(entry);
    else this.#bytes += entry.size;
    if (place.crossing !== '') this.#crossings.add(place.crossing);
  }

  #count(entry: Entry): void {
    this.#created++;
    this.#bytes += entry.size;
  }
}

function namesIn(directory: string, path: string): number {
  try {
    return readdirSync(pathBelow(directory, path), { encoding: 'latin1' }).filter((name) => !isOurs(name)).length;
  } catch {
    return 0;
  }
}

export function isOurs(name: string): boolean {
  return name.startsWith('.lifeboat-restore-');
}
