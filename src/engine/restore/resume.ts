/** What an earlier attempt left in a stage: what is whole is kept, by its content, and the rest removed. */
import { lstatSync, readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { hasErrno } from '../../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';
import { listXattrs, removeXattr } from '../../native/xattr.ts';
import { type Batches, pairedBatches } from '../compare.ts';
import type { Entry } from '../entry.ts';
import type { Found } from '../walk.ts';
import { chmodItself } from './attributes.ts';
import { beneath } from './beneath.ts';
import { type Stage, stagedIn, walkStage } from './stage.ts';

/**
 * Directories are kept too, made so that anything can be put into them; their attributes, and those of files, are the
 * business of who settles the stage in the end.
 *
 * @param expected every entry that belongs into the stage
 * @returns the paths that are whole
 */
export async function recognise(
  stage: Stage,
  expected: Batches<Entry>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  for (const { directory } of [stage, ...stage.elsewhere]) openAll(nameToBytes(directory));
  const whole = new Set<string>();
  const inodes = new Map<string, string>();
  const links: { readonly path: string; readonly to: string }[] = [];
  const others: string[] = [];
  const directories: string[] = [];

  async function* found(): Batches<Entry> {
    for await (const batch of walkStage(stage, true, signal)) {
      batch.forEach(note);
      yield batch.map(({ entry }) => entry);
    }
  }

  function note({ entry, inode, links: names }: Found): void {
    if (entry.type !== 'directory') {
      if (names > 1) inodes.set(entry.path, inode);
      return;
    }
    directories.push(entry.path);
  }

  for await (const pairs of pairedBatches(expected, found())) {
    for (const { before: wanted, after: actual } of pairs) {
      if (actual === undefined || (actual.type === 'directory' && wanted?.type !== 'directory')) continue;
      const { path } = actual;
      if (wanted?.type === 'hardlink') links.push({ path, to: wanted.link ?? '' });
      else if (wanted !== undefined && sameKind(wanted, actual)) whole.add(path);
      else others.push(path);
    }
  }
  for (const { path, to } of links) {
    const inode = inodes.get(path);
    if (whole.has(to) && inode !== undefined && inode === inodes.get(to)) whole.add(path);
    else others.push(path);
  }
  for (const path of others) beneath(stagedIn(stage, path), path, (place) => unlinkSync(nameToBytes(place)));
  // One that is needed above others is made again; one that holds something stays, and is told in the end.
  for (const path of directories.reverse()) if (path !== '' && !whole.has(path)) removeEmpty(stage, path);
  return whole;
}

function sameKind(wanted: Entry, actual: Entry): boolean {
  return (
    wanted.type === actual.type &&
    wanted.size === actual.size &&
    wanted.sha256 === actual.sha256 &&
    wanted.link === actual.link &&
    wanted.device?.major === actual.device?.major &&
    wanted.device?.minor === actual.device?.minor
  );
}

/** So that everything in them can be seen, and nothing that is put into them gets an ACL of theirs. */
function openAll(directory: Buffer): void {
  if ((lstatSync(directory).mode & 0o700) !== 0o700) chmodItself(directory, 0o700);
  const name = nameFromBytes(directory);
  for (const attribute of listXattrs(name)) if (attribute === 'system.posix_acl_default') removeXattr(name, attribute);
  for (const entry of readdirSync(directory, { encoding: 'buffer', withFileTypes: true })) {
    if (entry.isDirectory()) openAll(Buffer.concat([directory, Buffer.from('/'), entry.name]));
  }
}

function removeEmpty(stage: Stage, path: string): void {
  if (stage.elsewhere.some((one) => one.path === path || one.path.startsWith(`${path}/`))) return;
  try {
    beneath(stagedIn(stage, path), path, (place) => rmdirSync(nameToBytes(place)));
  } catch (error) {
    if (!hasErrno(error, 'ENOTEMPTY', 'EEXIST', 'ENOENT')) throw error;
  }
}
