/**
 * What a restore has to do: the chosen entries of a point compared with what is at the destination. Nothing but what
 * differs is restored, and whatever would be lost by that is known before.
 */
import { type BigIntStats, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { Finding } from '../engine.ts';
import { type Entry, type EntryType, entryDifferences } from '../entry.ts';
import { isBelow, parentOf } from '../tar/include.ts';
import { typeOf } from '../walk.ts';
import { readFlags } from './attributes.ts';
import { inspect, pathBelow, type Seen } from './inspect.ts';
import { type Mounts, mountsBelow } from './mounts.ts';
import { type OwnerMap, withOwners } from './owners.ts';
import { feasible, type Lacks } from './rights.ts';
import { belowSymlink, notRestored, pathsAbove, type Selection, symlinkCheck } from './select.ts';

/** What is at a place before it is changed: as long as it is that, the consent to change it holds. */
export interface Now {
  readonly type: EntryType | 'socket';
  readonly size: number;
  readonly mtimeNs: string;
}

/** A file that stays and gets another name. */
export interface Link {
  readonly path: string;
  readonly inode: string | undefined;
}

export type Change =
  | { readonly action: 'create'; readonly link?: Link }
  | {
      readonly action: 'replace';
      readonly now: Now;
      /** That it has, and that are gone with it. */
      readonly flags?: string;
      readonly link?: Link;
    }
  /** The content is right. */
  | {
      readonly action: 'attributes';
      readonly now: Now;
      /** What was compared; no other inode is given the attributes. */
      readonly inode: string;
      readonly differences: readonly string[];
      readonly entry: Entry;
    };

export interface Comparison {
  /** By path. What is in a directory that is created is not listed; see {@link changeOf}. */
  readonly changes: ReadonlyMap<string, Change>;
  /** Below what is created, but not restored. */
  readonly left: ReadonlySet<string>;
  /** Of what changes, the entries that have flags: these are set when nothing else is left to do. */
  readonly flagged: readonly Entry[];
  /** Chosen directories that are there, with what they have to be like in the end, those above first. */
  readonly directories: readonly { readonly entry: Entry; readonly inode: string | undefined }[];
  /** Entries to be created, and bytes of files to be created or replaced. */
  readonly created: number;
  readonly bytes: number;
  readonly same: number;
  /** Entries in chosen directories that the point does not have; what is below them is not counted. */
  readonly untouched: number;
  /** What cannot be restored here, and why. */
  readonly blocked: readonly Finding[];
  /** Directories below which something changes, and that lie on another filesystem than what is above them. */
  readonly crossings: readonly string[];
}

export interface CompareOptions {
  /** Its real path. What stands for `/` itself is compared only where `root` says so. */
  readonly directory: string;
  readonly root: boolean;
  readonly owners?: OwnerMap | undefined;
  /** Told what of entries that are there already this process could not restore anyway. */
  readonly lacks?: Lacks;
  readonly onProgress: (entries: number) => void;
}

/** What becomes of one chosen entry; `undefined` when it is the same already, or cannot be restored. */
export function changeOf({ changes, left }: Pick<Comparison, 'changes' | 'left'>, path: string): Change | undefined {
  if (left.has(path)) return undefined;
  const own = changes.get(path);
  if (own !== undefined) return own;
  for (const above of pathsAbove(path)) {
    const action = changes.get(above)?.action;
    if (action === 'create' || action === 'replace') return { action: 'create' };
  }
  return undefined;
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
      this.#names.set(first, [...(this.#names.get(first) ?? []), entry.path]);
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
    for (const [path, change] of this.#changes) {
      const file = this.#inodes.get(path);
      if (change.action !== 'attributes' || file === undefined) continue;
      const names = this.#names.get(path) ?? [];
      if (this.#links.get(path) === BigInt(1 + names.length)) continue;
      for (const name of [path, ...names]) {
        const now = this.#inodes.get(name)?.now ?? file.now;
        this.#changes.set(name, { action: 'replace', now, ...this.#flagsAt(name) });
      }
      for (const [name, other] of this.#changes) {
        if (other.action !== 'attributes' && other.link?.path === path) {
          const { link: _, ...rest } = other;
          this.#changes.set(name, rest);
        }
      }
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

/** The time of a directory changes with what is put into it. */
const emptyDirectory: Now = { type: 'directory', size: 0, mtimeNs: '' };

export function nowOf(stats: BigIntStats): Now {
  const type = typeOf(stats);
  if (type === 'directory') return emptyDirectory;
  return { type: type ?? 'socket', size: type === 'file' ? Number(stats.size) : 0, mtimeNs: String(stats.mtimeNs) };
}

function sameContent(entry: Entry, { entry: found, unreadable }: Seen): boolean {
  if (found === undefined || unreadable !== undefined) return false;
  const { type, size, sha256, link, device } = found;
  return (
    type === entry.type &&
    size === entry.size &&
    sha256 === entry.sha256 &&
    link === entry.link &&
    device?.major === entry.device?.major &&
    device?.minor === entry.device?.minor
  );
}

/** Of two that have the same content; only what this process may restore. */
export function attributeDifferences(root: string, entry: Entry, { entry: found }: Seen, lacks?: Lacks): string[] {
  if (found === undefined || found.type !== entry.type) return [];
  const { sha256: _, flags, ...wanted } = entry;
  const { sha256: _hash, flags: _flags, ...actual } = found;
  const { expected, seen } = feasible(wanted, actual, lacks);
  const differences = entryDifferences(expected, seen).map(({ problem }) => problem);
  if (flags === undefined) return differences;
  const now = readFlags(join(root, entry.path));
  return now === flags ? differences : [...differences, `flags are ${now || 'none'}, expected ${flags}`];
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
