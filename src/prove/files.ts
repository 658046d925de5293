/** Every file of a point against what is there: content read from the disk, and all else that is known of it. */
import { join } from 'node:path';
import { pairedBatches, type Batches } from '../engine/compare.ts';
import { type Entry, entryDifferences } from '../engine/entry.ts';
import { readFlags, removable } from '../engine/restore/attributes.ts';
import { isOurs } from '../engine/restore/compare.ts';
import { feasible } from '../engine/restore/rights.ts';
import { parentOf } from '../engine/tar/include.ts';
import { type Found, findTree } from '../engine/walk.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { Contents } from './contents.ts';
import { placesOf } from './places.ts';
import type { FilesProof } from './proof.ts';
import type { Tell } from './recovery.ts';
import { Sample, sampleRule } from './sample.ts';

export interface FilesRecovery {
  /** Of the point. */
  readonly entries: () => AsyncIterable<Entry>;
  /** How many these are, and bytes of files: for the time that is left. */
  readonly total: { readonly entries: number; readonly bytes: number };
  /** The real path of what stands for `/`. */
  readonly root: string;
  /** As in `Recovery`. */
  readonly changed: readonly string[];
  readonly leftOut?: readonly string[] | undefined;
  readonly budgetMs?: number | undefined;
}

/** Of each kind so many are named; all are counted. */
const mostNamed = 200;
const batchSize = 1024;

/**
 * All of it: nothing that is found ends the comparison. Whether owners and some attributes are right only root is told of.
 *
 * @throws LifeboatError what reading the point throws
 */
export async function proveFiles(recovery: FilesRecovery, tell: Tell, signal: AbortSignal): Promise<FilesProof> {
  await using contents = new Contents(true, signal);
  const proving = new Proving(recovery, contents, tell);
  const walked = findTree(recovery.root, '', { hash: false, skip: proving.places.skip }, signal);
  const pairs = pairedBatches(batches(recovery.entries()), proving.noting(walked));
  for await (const batch of pairs) {
    throwIfAborted(signal);
    for (const { before, after } of batch) {
      if (before === undefined) proving.extra(after);
      else await proving.entry(before, after);
    }
    proving.progress();
  }
  await contents.end();
  return proving.finish();
}

class Proving {
  readonly places: ReturnType<typeof placesOf>;
  readonly #recovery: FilesRecovery;
  readonly #contents: Contents;
  readonly #tell: Tell;
  readonly #sample: Sample | undefined;
  readonly #wrong = new Set<string>();
  readonly #different = new Map<string, string[]>();
  readonly #missing: string[] = [];
  readonly #extra: string[] = [];
  /** Directories that are not in the point; and those above what is, whether they are in it or not. */
  readonly #extraDirectories: string[] = [];
  readonly #above = new Set<string>();
  readonly #count = {
    total: 0,
    checked: 0,
    bytes: 0,
    files: 0,
    fileBytes: 0,
    extra: 0,
    changedOnPurpose: 0,
    hidden: 0,
    leftOut: 0,
  };
  /** Of files that have several names here: which each is; and the first name by which each was met. */
  readonly #inodes = new Map<string, string>();
  readonly #firstOf = new Map<string, string>();
  readonly #unreadable = new Map<string, string>();
  readonly #links: { readonly path: string; readonly to: string }[] = [];
  /** Bytes of files that are to be read, all told. */
  #taken = 0;

  constructor(recovery: FilesRecovery, contents: Contents, tell: Tell) {
    this.places = placesOf(recovery.root, recovery.changed, recovery.leftOut ?? []);
    this.#recovery = recovery;
    this.#contents = contents;
    this.#tell = tell;
    const { budgetMs, total } = recovery;
    if (budgetMs !== undefined)
      this.#sample = new Sample({ ...total, budgetMs, now: () => performance.now(), chance: Math.random });
  }

  /** What a walk says besides the entry itself. */
  async *noting(walked: Batches<Found>): Batches<Entry> {
    for await (const batch of walked) {
      for (const { entry, inode, links, unreadable } of batch) {
        if (links > 1 && entry.type !== 'directory') this.#inodes.set(entry.path, inode);
        if (unreadable !== undefined) this.#unreadable.set(entry.path, unreadable);
      }
      yield batch.map(({ entry }) => entry);
    }
  }

  extra(found: Entry | undefined): void {
    if (found === undefined || this.places.affair(found.path) !== undefined || found.path.split('/').some(isOurs))
      return;
    if (found.type === 'directory') this.#extraDirectories.push(found.path);
    else this.#isExtra(found.path);
  }

  async entry(wanted: Entry, found: Entry | undefined): Promise<void> {
    const affair = this.places.affair(wanted.path);
    this.#sample?.looked();
    if (affair === 'changed') this.#count.changedOnPurpose++;
    if (affair === 'hidden') this.#count.hidden++;
    if (affair === 'left-out') this.#count.leftOut++;
    for (let path = parentOf(wanted.path); !this.#above.has(path); path = parentOf(path)) this.#above.add(path);
    if (affair !== undefined) return;
    this.#count.total++;
    if (found === undefined) this.#missed(wanted.path);
    else if (wanted.type === 'hardlink') this.#links.push({ path: wanted.path, to: wanted.link ?? '' });
    else await this.#compare(wanted, found);
  }

  progress(): void {
    const total = this.#recovery.total.bytes;
    this.#tell({ type: 'progress', done: Math.min(this.#contents.bytes, total), total, unit: 'bytes' });
  }

  finish(): FilesProof {
    for (const { path, to } of this.#links) this.#compareLink(path, to);
    for (const path of this.#extraDirectories) if (!this.#above.has(path)) this.#isExtra(path);
    const byName = (a: string, b: string) => (a < b ? -1 : 1);
    const sampled = (this.#sample?.left ?? 0) > 0;
    return {
      ...this.#count,
      sampled,
      ...(sampled ? { rule: sampleRule } : {}),
      wrong: this.#wrong.size,
      different: [...this.#different]
        .map(([path, differences]) => ({ path: `/${path}`, differences }))
        .sort((a, b) => byName(a.path, b.path)),
      missing: this.#missing.sort(byName),
      extraPaths: this.#extra.sort(byName),
    };
  }

  async #compare(wanted: Entry, found: Entry): Promise<void> {
    const { path, type, size, sha256, flags = '' } = wanted;
    const full = join(this.#recovery.root, path);
    const differences = [...this.#attributes(wanted, found), ...this.#sharedWith(path)];
    const unreadable = this.#unreadable.get(path);
    if (unreadable !== undefined) differences.push(`it cannot be read: ${unreadable}`);
    if (differences.length > 0) this.#differs(path, differences);
    if (type !== found.type) return;
    const isFile = type === 'file' && sha256 !== undefined;
    if (isFile) {
      this.#count.files++;
      this.#count.fileBytes += size;
    }
    const told = found.size !== size;
    const isRead = isFile && size > 0 && !told && this.#takes(size);
    // What has no content has all of it when its size is right.
    if (isFile && size === 0 && !told) this.#count.checked++;
    if (!isRead) return this.#compareFlags(path, flags, type === 'file' || type === 'directory' ? readFlags(full) : '');
    this.#taken += size;
    await this.#contents.read(full, size, (content) => {
      this.#count.checked++;
      this.#count.bytes += size;
      if ('unreadable' in content) return this.#differs(path, [`its content cannot be read: ${content.unreadable}`]);
      if (content.sha256 !== sha256)
        this.#differs(path, [`content (SHA-256) is ${content.sha256}, expected ${sha256}`]);
      this.#compareFlags(path, flags, content.flags);
    });
  }

  #takes(size: number): boolean {
    return this.#sample?.takes(size, Math.max(0, this.#taken - this.#contents.bytes)) ?? true;
  }

  #attributes(wanted: Entry, found: Entry): string[] {
    const { expected, seen } = feasible(wanted, withoutSystems(wanted, found));
    const free = this.places.touched(wanted.path);
    return entryDifferences(expected, free ? { ...seen, mtimeNs: expected.mtimeNs } : seen, 'attributes').map(
      ({ problem }) => problem,
    );
  }

  #compareFlags(path: string, wanted: string, found: string): void {
    if (wanted !== found) this.#differs(path, [`flags are ${found || 'none'}, expected ${wanted || 'none'}`]);
  }

  /** Two files of the point that have become one: what is written to one of them later would be in the other too. */
  #sharedWith(path: string): string[] {
    const inode = this.#inodes.get(path);
    if (inode === undefined) return [];
    const first = this.#firstOf.get(inode);
    if (first === undefined) this.#firstOf.set(inode, path);
    return first === undefined ? [] : [`it is the same file as /${first}, and should be one of its own`];
  }

  #compareLink(path: string, to: string): void {
    const affair = this.places.affair(to);
    const inode = this.#inodes.get(path);
    if (affair === undefined && (inode === undefined || inode !== this.#inodes.get(to)))
      this.#differs(path, [`it is not the same file as /${to}, of which it should be another name`]);
  }

  #isExtra(path: string): void {
    this.#count.extra++;
    if (this.#extra.length < mostNamed) this.#extra.push(`/${path}`);
  }

  #missed(path: string): void {
    this.#wrong.add(path);
    if (this.#missing.length < mostNamed) this.#missing.push(`/${path}`);
  }

  #differs(path: string, differences: readonly string[]): void {
    const known = this.#different.get(path);
    this.#wrong.add(path);
    if (known !== undefined) known.push(...differences);
    else if (this.#different.size < mostNamed) this.#different.set(path, [...differences]);
  }
}

/** Attributes that nobody has set, such as the label that a system gives to each of its files, are no difference. */
function withoutSystems(wanted: Entry, { xattrs, ...found }: Entry): Entry {
  const kept = Object.entries(xattrs ?? {}).filter(
    ([name]) => wanted.xattrs?.[name] !== undefined || removable.test(name),
  );
  return kept.length === 0 ? found : { ...found, xattrs: Object.fromEntries(kept) };
}

async function* batches(entries: AsyncIterable<Entry>): Batches<Entry> {
  let batch: Entry[] = [];
  for await (const entry of entries) {
    batch.push(entry);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  yield batch;
}
