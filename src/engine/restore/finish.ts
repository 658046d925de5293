/** What is set on what is at the destination when all is in its place: attributes, and at last flags. */
import { isDeepStrictEqual } from 'node:util';
import { isSystemError } from '../../kernel/errors.ts';
import { throwIfAborted } from '../../kernel/wait.ts';
import type { Entry } from '../entry.ts';
import { typeOf } from '../walk.ts';
import { lock, setAttributes, setFlags, unlock } from './attributes.ts';
import { beneath } from './beneath.ts';
import { attributeDifferences, type Now, nowOf } from './difference.ts';
import { type Held, holding, inodeOf } from './held.ts';
import { inspect } from './inspect.ts';
import type { Placing } from './place.ts';
import { isRoot } from './rights.ts';

/**
 * Gives what is there already the attributes of the point; the last of it what keeps it from being changed again. Flags
 * that the point does not have stay.
 *
 * @param letGo takes away what was left in the stage, and the stage, when only times of the directories that it lies in, and
 *   flags, are still to be set
 * @returns how many of those whose attributes differed are right now
 */
export async function finishAttributes(
  placing: Pick<Placing, 'comparison' | 'directory' | 'findings' | 'stage'>,
  letGo: () => Promise<void>,
  signal: AbortSignal,
): Promise<number> {
  const { comparison, directory, findings, stage } = placing;
  const right = new Set<string>();
  const tops = new Set(['', ...stage.elsewhere.map(({ path }) => path)]);
  const again: (typeof comparison.directories)[number][] = [];
  for (const change of comparison.changes.values()) {
    if (change.action !== 'attributes' || change.entry.type === 'directory') continue;
    throwIfAborted(signal);
    if (await mend(placing, change.entry, change, signal)) right.add(change.entry.path);
  }
  for (const one of comparison.directories.toReversed()) {
    const { entry, inode } = one;
    const differed = comparison.changes.get(entry.path)?.action === 'attributes';
    if (!(await mend(placing, entry, { inode }, signal))) continue;
    if (differed) right.add(entry.path);
    if (tops.has(entry.path)) again.push(one);
  }
  await letGo();
  for (const { entry, inode } of again) {
    if (!(await mend(placing, entry, { inode }, signal))) right.delete(entry.path);
  }
  for (const entry of comparison.flagged.toReversed()) {
    try {
      beneath(directory, entry.path, (at) =>
        holding(at, (held) => {
          if (isLike(held, entry)) return setFlags(held, entry.flags ?? '');
          findings.add(`/${entry.path}`, 'was changed meanwhile, and left as it is');
          right.delete(entry.path);
        }),
      );
    } catch (error) {
      if (!isSystemError(error)) throw error;
      findings.add(`/${entry.path}`, `flags ${entry.flags} cannot be set: ${error.message}`);
      right.delete(entry.path);
    }
  }
  return right.size;
}

/** @returns whether it is as it has to be, but for flags */
async function mend(
  { directory, findings }: Pick<Placing, 'directory' | 'findings'>,
  entry: Entry,
  agreed: { readonly inode: string | undefined; readonly now?: Now },
  signal: AbortSignal,
): Promise<boolean> {
  const { path } = entry;
  const changed = () => {
    findings.add(`/${path}`, 'was changed meanwhile, and left as it is');
    return false;
  };
  const before = await inspect(directory, path, () => false, signal);
  if (before?.entry?.type !== entry.type) return changed();
  const { inode = before.inode, now } = agreed;
  if (before.inode !== inode || (now !== undefined && !isDeepStrictEqual(nowOf(before.stats), now))) return changed();
  if (attributeDifferences(directory, entry, before).length === 0) return true;
  let problem: string | undefined;
  try {
    const done = beneath(directory, path, (at) =>
      holding(at, (held) => {
        if (inodeOf(held.stats) !== inode) return false;
        const flags = unlock(held);
        setAttributes(held, entry, (text) => (problem ??= text));
        lock(held, flags);
        return true;
      }),
    );
    if (!done) return changed();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    problem = error.message;
  }
  const { flags: _, ...wanted } = entry;
  const after = await inspect(directory, path, () => false, signal);
  const differences = after === undefined ? ['is gone'] : attributeDifferences(directory, wanted, after);
  for (const difference of differences) {
    findings.add(`/${path}`, problem === undefined ? difference : `${difference} (${problem})`);
  }
  return differences.length === 0;
}

/** With the owner of the point, which who swapped names could not give to anything else. */
function isLike({ stats }: Held, { type, uid, gid }: Entry): boolean {
  return typeOf(stats) === type && (!isRoot || (stats.uid === BigInt(uid) && stats.gid === BigInt(gid)));
}
