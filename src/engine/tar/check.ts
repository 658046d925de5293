/** Whether what was restored is what the manifest says: success is proven, not assumed. */
import type { Entry } from '../entry.ts';
import { entryDifferences } from '../entry.ts';
import { paired } from '../compare.ts';
import { type Found, findTree } from '../walk.ts';
import type { Manifest } from './manifest-object.ts';
import type { Selection } from './select.ts';
import type { Findings } from './stderr.ts';

export async function checkRestored(
  directory: string,
  manifest: Manifest,
  selection: Selection,
  findings: Findings,
  signal: AbortSignal,
): Promise<void> {
  const links: { readonly path: string; readonly to: string }[] = [];
  /** Of every file with several names, and of every name that a link of the manifest has. */
  const inodes = new Map<string, string>();
  const unreadable = new Map<string, string>();
  const parents = new Set<string>();
  let owners = 0;

  for await (const { before: expected, after: actual } of paired(expectedEntries(), actualEntries())) {
    if (expected === undefined) {
      // tar makes directories above what it restores where the point has none, such as those above an included path.
      if (actual && !(actual.type === 'directory' && parents.has(actual.path))) {
        findings.add(`/${actual.path}`, 'was not restored from the point');
      }
    } else if (actual === undefined) findings.add(`/${expected.path}`, 'was not restored');
    else if (expected.type === 'hardlink') links.push({ path: expected.path, to: expected.link ?? '' });
    else compare(expected, actual);
  }
  for (const { path, to } of links) {
    const inode = inodes.get(path);
    if (inode === undefined || inode !== inodes.get(to)) findings.add(`/${path}`, `is no hard link to /${to}`);
  }
  if (owners > 0) findings.add('/', `owners not restored: not running as root (${owners} entries)`);

  function compare(expected: Entry, actual: Entry): void {
    const reason = unreadable.get(actual.path);
    if (reason !== undefined) findings.add(`/${actual.path}`, `could not be checked: ${reason}`);
    let wanted = expected;
    let found = actual;
    if (process.getuid?.() !== 0 && (expected.uid !== actual.uid || expected.gid !== actual.gid)) {
      owners++;
      found = { ...found, uid: expected.uid, gid: expected.gid };
    }
    if (reason !== undefined && expected.type === 'file') {
      const { sha256: _, ...rest } = expected;
      wanted = rest;
    }
    for (const { problem } of entryDifferences(wanted, found)) findings.add(`/${expected.path}`, problem);
  }

  async function* expectedEntries(): AsyncIterable<Entry> {
    const seen = new Set<string>();
    for await (const entry of manifest.entries()) {
      if (!selection.has(entry.path)) continue;
      addParents(entry.path, seen);
      yield entry;
    }
  }

  function addParents(path: string, seen: Set<string>): void {
    for (let end = path.lastIndexOf('/'); end >= 0; end = path.lastIndexOf('/', end - 1)) {
      const parent = path.slice(0, end);
      if (seen.has(parent)) return;
      seen.add(parent);
      parents.add(parent);
      if (end === 0) return;
    }
  }

  async function* actualEntries(): AsyncIterable<Entry> {
    parents.add('');
    for await (const found of findTree(directory, '', { hash: true }, signal)) {
      note(found);
      yield found.entry;
    }
  }

  function note({ entry, inode, links: names, unreadable: reason }: Found): void {
    if (reason !== undefined) unreadable.set(entry.path, reason);
    if (names > 1 && entry.type !== 'directory') inodes.set(entry.path, inode);
  }
}
