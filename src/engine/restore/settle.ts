/**
 * The end of what was extracted: whether it is what it has to be, and the attributes that it does not have yet. Success is
 * proven, not assumed. Content was compared as it passed, before tar wrote it; here it is read again only when asked.
 */
import { isSystemError } from '../../kernel/errors.ts';
import { type Batches, pairedBatches } from '../compare.ts';
import { type Entry, entryDifferences } from '../entry.ts';
import { parentOf } from '../tar/include.ts';
import type { Findings } from '../tar/stderr.ts';
import type { Found } from '../walk.ts';
import { setAttributes } from './attributes.ts';
import { beneath } from './beneath.ts';
import { holding } from './held.ts';
import { inspect } from './inspect.ts';
import { feasible, type Lacks, makeable } from './rights.ts';
import { type Counts, type Stage, StageCounts, stagedIn, walkStage } from './stage.ts';

export interface Settling {
  readonly stage: Stage;
  /** Every entry that has to be in the stage, as it is to be restored. */
  readonly expected: Batches<Entry>;
  /** Reads every file back. */
  readonly reread: boolean;
  /** What tar said of a path, if anything. */
  readonly said: (path: string) => string | undefined;
  readonly findings: Findings;
  readonly lacks: Lacks;
}

/** @returns what there is in the stage */
export async function settle(settling: Settling, signal: AbortSignal): Promise<Counts> {
  const { stage, expected, reread, said, findings, lacks } = settling;
  const links: { readonly path: string; readonly to: string }[] = [];
  /** Of every file with several names. */
  const inodes = new Map<string, string>();
  const unreadable = new Map<string, string>();
  const parents = new Set(['']);
  const directories: Entry[] = [];
  const counts = new StageCounts();

  // Those that lead to another filesystem are made for it to be mounted on.
  for (const { path } of stage.elsewhere) addParents(`${path}/`);

  for await (const pairs of pairedBatches(expectedEntries(), actualEntries())) {
    for (const { before: wanted, after: actual } of pairs) {
      if (wanted === undefined) {
        // tar makes directories above what it restores where nothing else does.
        if (actual && !(actual.type === 'directory' && parents.has(actual.path))) {
          findings.add(`/${actual.path}`, 'was not restored from the point');
        }
      } else if (actual === undefined) missing(wanted);
      else if (wanted.type === 'hardlink') links.push({ path: wanted.path, to: wanted.link ?? '' });
      else if (!wrong(wanted, actual)) continue;
      // Those above last: one may keep even its owner from what is in it.
      else if (wanted.type === 'directory') directories.push(wanted);
      else await mend(wanted);
    }
  }
  for (const entry of directories.reverse()) await mend(entry);
  for (const { path, to } of links) {
    const inode = inodes.get(path);
    if (inode === undefined || inode !== inodes.get(to)) tell(path, `is no hard link to /${to}`);
  }
  return counts;

  function missing(wanted: Entry): void {
    if (makeable(wanted)) tell(wanted.path, 'was not restored');
    else lacks.add('devices', wanted.path);
  }

  /** What differs, of that which can be compared and restored by this process. */
  function differences(wanted: Entry, actual: Entry, counting?: Lacks): string[] {
    const able = feasible(wanted, actual, counting);
    const problems = entryDifferences(able.expected, able.seen, 'attributes').map(({ problem }) => problem);
    const { sha256 } = wanted;
    if (!reread || wanted.type !== 'file' || sha256 === undefined || unreadable.has(wanted.path)) return problems;
    if (sha256 === actual.sha256) return problems;
    return [...problems, `content (SHA-256) is ${actual.sha256}, expected ${sha256}`];
  }

  function wrong(wanted: Entry, actual: Entry): boolean {
    const reason = unreadable.get(wanted.path);
    if (reason !== undefined && (reread || wanted.type === 'directory')) {
      findings.add(`/${wanted.path}`, `could not be checked: ${reason}`);
    }
    return differences(wanted, actual, lacks).length > 0;
  }

  async function mend(wanted: Entry): Promise<void> {
    const top = stagedIn(stage, wanted.path);
    let problem: string | undefined;
    try {
      beneath(top, wanted.path, (place) =>
        holding(place, (held) => setAttributes(held, wanted, (text) => (problem ??= text))),
      );
    } catch (error) {
      if (!isSystemError(error)) throw error;
      problem = error.message;
    }
    const seen = await inspect(top, wanted.path, () => reread, signal);
    if (seen?.entry === undefined) return missing(wanted);
    for (const difference of differences(wanted, seen.entry)) {
      tell(wanted.path, problem === undefined ? difference : `${difference} (${problem})`);
    }
  }

  function tell(path: string, problem: string): void {
    const reason = said(path);
    findings.add(`/${path}`, reason === undefined ? problem : `${problem} (tar: ${reason})`);
  }

  async function* expectedEntries(): Batches<Entry> {
    for await (const entries of expected) {
      for (const { path } of entries) addParents(path);
      yield entries;
    }
  }

  function addParents(path: string): void {
    for (let parent = parentOf(path); !parents.has(parent); parent = parentOf(parent)) parents.add(parent);
  }

  async function* actualEntries(): Batches<Entry> {
    for await (const batch of walkStage(stage, reread, signal)) {
      batch.forEach(note);
      yield batch.map(({ entry }) => entry);
    }
  }

  function note(found: Found): void {
    counts.add(found);
    const { entry, inode, links: names, unreadable: reason } = found;
    if (reason !== undefined) unreadable.set(entry.path, reason);
    if (names > 1 && entry.type !== 'directory') inodes.set(entry.path, inode);
  }
}
