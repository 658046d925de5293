/** How two points differ: their files, and the host as it was captured with each. */
import { paired } from '../engine/compare.ts';
import { type Entry, entryDifferences } from '../engine/entry.ts';
import type { Change } from '../kernel/change.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { isUnreadable, type Repository } from '../point/record-objects.ts';
import type { Captures } from '../point/captures.ts';
import type { Point } from '../point/point.ts';
import { readCaptures } from '../point/records.ts';
import { changesText } from './changes.ts';
import { type DocumentKind, factsDocument, layoutDocument, networkDocument, notCompared } from './documents.ts';
import { isAt, isIn } from './entries.ts';

export interface FileChange {
  /** Absolute. */
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Of `changed`: what is different, each with both values. */
  readonly what?: readonly string[];
}

/** At and below a path, in the order of their names. */
export async function fileChanges(
  before: AsyncIterable<Entry>,
  after: AsyncIterable<Entry>,
  path: string,
): Promise<FileChange[]> {
  const found: FileChange[] = [];
  const wanted = (entry: Entry) => isAt(entry, path) || isIn(entry, path, true);
  for await (const pair of paired(before, after)) {
    const entry = pair.after ?? pair.before;
    if (entry === undefined || !wanted(entry)) continue;
    const name = `/${entry.path}`;
    if (pair.before === undefined) found.push({ path: name, change: 'added' });
    else if (pair.after === undefined) found.push({ path: name, change: 'removed' });
    else {
      const what = entryDifferences(pair.before, pair.after).map(({ problem }) =>
        withTimes(problem).replace(/^(.*) is (.*), expected (.*)$/s, '$1: $3 -> $2'),
      );
      if (what.length > 0) found.push({ path: name, change: 'changed', what });
    }
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Nanoseconds since 1970 as a person reads them. */
function withTimes(problem: string): string {
  if (!problem.startsWith('modification time')) return problem;
  return problem.replace(/\d{16,}/g, (ns) => {
    const text = new Date(Number(BigInt(ns) / 1_000_000n)).toISOString();
    return text.replace(/\.\d+Z$/, `.${ns.slice(-9)}Z`);
  });
}

export interface HostChanges {
  readonly changes: readonly (Change & { readonly of: string })[];
  readonly notCompared: readonly string[];
}

export async function hostChanges(
  repository: Repository,
  before: Point,
  after: Point,
  signal: AbortSignal,
): Promise<HostChanges> {
  let old: Captures;
  let now: Captures;
  try {
    [old, now] = [await readCaptures(repository, before, signal), await readCaptures(repository, after, signal)];
  } catch (error) {
    // The files are compared all the same.
    if (!isUnreadable(error) && !(error instanceof LifeboatError && error.code === 'not-found')) throw error;
    return { changes: [], notCompared: [`the host: ${error.message}`] };
  }
  const all = [
    await compare(layoutDocument, old, now),
    await compare(networkDocument, old, now),
    await compare(factsDocument, old, now),
  ];
  return { changes: all.flatMap(({ changes }) => changes), notCompared: all.flatMap(({ unseen }) => unseen) };
}

async function compare<D extends Parameters<typeof notCompared>[0]>(
  kind: DocumentKind<D>,
  before: Captures,
  after: Captures,
) {
  const [old, now] = [kind.ofPoint(before), kind.ofPoint(after)];
  return {
    changes: (await kind.changes(old, now)).map((change) => ({ of: kind.name, ...change })),
    unseen: notCompared(old, now).map((line) => `${kind.name}: ${line}`),
  };
}

const signs = { added: '+', removed: '-', changed: '~' } as const;

export function diffText(before: string, after: string, files: readonly FileChange[], host: HostChanges): string {
  const count = (change: FileChange['change']) => files.filter((one) => one.change === change).length;
  const lines = files.flatMap(({ path, change, what = [] }) => [
    `${signs[change]} ${printable(path)}`,
    ...what.map((line) => `    ${printable(line)}`),
  ]);
  return [
    `From ${before} to ${after}: ${count('added')} added, ${count('changed')} changed, ${count('removed')} removed`,
    ...lines,
    '',
    host.changes.length === 0 && host.notCompared.length === 0
      ? 'The host itself is as it was.'
      : changesText(host.changes, host.notCompared),
  ].join('\n');
}
