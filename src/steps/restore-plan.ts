/** What a restore would do and destroy, before anything is touched: the same for a dry run and for the run itself. */
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Finding } from '../engine/engine.ts';
import { compareWith } from '../engine/restore/compare.ts';
import type { Change, Comparison } from '../engine/restore/comparison.ts';
import { Lacks } from '../engine/restore/rights.ts';
import { type Selection, select } from '../engine/restore/select.ts';
import { Findings } from '../engine/tar/stderr.ts';
import { checkTrusted } from '../host/trusted.ts';
import { explaining, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Point } from '../point/point.ts';
import { consentDigest, type DestroyedItem, type Destruction, destructionText } from './consent.ts';
import type { RestoreRequest } from './define.ts';
import type { OpenRepository } from './repository.ts';

export interface Destination {
  /** The real path, also of what has to be made. */
  readonly directory: string;
  /** Whether it is made for this restore, so that it becomes as the root of the point was. */
  readonly made: boolean;
}

export interface RestorePlan {
  readonly selection: Selection;
  readonly comparison: Comparison;
  readonly destruction: Destruction;
  /** What it destroys, each in its present state as one text. */
  readonly items: readonly string[];
  /** What of the point's, or of what was asked for, cannot be restored. */
  readonly findings: readonly Finding[];
}

/** What the commands that need a point of the engine are given. */
export function pointJob({ target, keys }: OpenRepository, point: Point) {
  return {
    target,
    hostName: point.host.name,
    pointId: point.id,
    sealing: keys,
    stored: point.data.stored,
    onProgress: () => {},
  };
}

/**
 * @throws LifeboatError `refused` when it is no directory, or when others than root and the running user could change it;
 * `not-found` when the directory above it is missing
 */
export async function destinationOf(directory: string): Promise<Destination> {
  try {
    const real = await realpath(directory);
    if (!(await lstat(real)).isDirectory()) throw new LifeboatError('refused', `${directory} is not a directory`);
    await checkOurs(real);
    return { directory: real, made: false };
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
  const name = await lstat(directory).catch((error: unknown) => {
    if (!hasErrno(error, 'ENOENT')) throw error;
  });
  if (name) throw new LifeboatError('refused', `${directory} is a symbolic link that leads to nothing`);
  const above = await explaining(`restore into ${directory}`, () => realpath(dirname(directory)));
  await checkOurs(above);
  return { directory: join(above, basename(directory)), made: true };
}

/**
 * Whoever may rename in the directory could put a link in place of what is being restored, and have root write, or move
 * files, wherever that leads.
 */
async function checkOurs(directory: string): Promise<void> {
  try {
    await checkTrusted(directory);
  } catch (cause) {
    if (!(cause instanceof LifeboatError && cause.code === 'untrusted')) throw cause;
    throw new LifeboatError('refused', `not safe to restore into: ${cause.message}`, {
      hint: 'Restore into a directory that nobody else can change, and move the files from there.',
      cause,
    });
  }
}

/** @throws LifeboatError `not-found` when nothing of what was asked for is in the point; `archive-unsafe`, `archive-damaged` */
export async function planRestore(
  repository: OpenRepository,
  point: Point,
  request: RestoreRequest,
  destination: Destination,
  signal: AbortSignal,
): Promise<RestorePlan> {
  const { directory, made } = destination;
  const findings = new Findings();
  const entries = () => repository.engine.entries(pointJob(repository, point), signal);
  const selection = without(await select(entries, request.paths, findings), request.leftOut ?? []);
  const root = made || directory === '/' || request.machine !== undefined;
  const lacks = new Lacks();
  const options = { directory, root, owners: request.owners, lacks, onProgress: () => {} };
  const comparison = await compareWith(entries(), selection, options, signal);
  for (const { subject, problem } of comparison.blocked) findings.add(subject, problem);
  lacks.tell(findings);
  const { destruction, items } = destructionOf(point, destination, comparison);
  return { selection, comparison, destruction, items, findings: findings.list() };
}

/** What is below these places is not chosen; they themselves are. */
function without(selection: Selection, places: readonly string[]): Selection {
  if (places.length === 0) return selection;
  const tops = places.map((place) => `${place.slice(1)}/`);
  const isLeftOut = (path: string): boolean => tops.some((top) => path.startsWith(top));
  return {
    has: (path) => !isLeftOut(path) && selection.has(path),
    chose: (path) => !isLeftOut(path) && selection.chose(path),
  };
}

function destructionOf(point: Point, { directory, made }: Destination, { changes }: Comparison) {
  const lost = [...changes].filter(([path, { action }]) => action !== 'create' && !(made && path === ''));
  const items = lost.map(([path, change]) => agreedItem(path, change)).sort();
  const destruction: Destruction = {
    deed: `restore point ${point.id} to ${directory}`,
    verb: 'overwritten',
    items: lost.map(([path, change]) => ({ name: join(directory, path), state: stateOf(change) })),
    identity: { point: point.id, directory, items },
  };
  return { destruction, items };
}

/** One thing that somebody agrees to lose; another state of it is another thing. */
function agreedItem(path: string, change: Change): string {
  if (change.action === 'create') return '';
  const { type, size, mtimeNs } = change.now;
  const differences = change.action === 'attributes' ? change.differences : change.flags ? [change.flags] : [];
  return JSON.stringify([path, change.action, type, size, mtimeNs, ...differences]);
}

function stateOf(change: Change): string {
  if (change.action === 'create') return '';
  if (change.action === 'attributes') return `${change.now.type}, content stays: ${change.differences.join('; ')}`;
  const { type, size, mtimeNs } = change.now;
  const of = type === 'file' ? `${type}, ${formatBytes(size)}` : type;
  const flags = change.flags === undefined ? '' : `, with the flags ${change.flags}`;
  return mtimeNs === '' ? of : `${of}, changed ${timeText(mtimeNs)}${flags}`;
}

function timeText(mtimeNs: string): string {
  const ms = Number(BigInt(mtimeNs) / 1_000_000n);
  // A time that no calendar holds.
  return Math.abs(ms) > 8.64e15 ? `${mtimeNs} ns` : new Date(ms).toISOString();
}

/** For `--dry-run`. */
export function describePlan(point: Point, directory: string, { comparison, destruction, findings }: RestorePlan) {
  const { created, bytes, same, untouched } = comparison;
  const items: readonly DestroyedItem[] = destruction.items;
  const digest = items.length === 0 ? undefined : consentDigest(destruction.identity);
  return {
    document: {
      format: 'lifeboat.restore-plan/1',
      point: point.id,
      directory,
      ...(digest === undefined ? {} : { digest }),
      created,
      bytes,
      overwritten: items,
      same,
      untouched,
      findings,
    },
    text: () =>
      [
        `To ${destruction.deed}: nothing is done (--dry-run)`,
        `  ${created} entries to be created, ${items.length} to be overwritten (${formatBytes(bytes)} of files)`,
        `  ${same} are there already, and the same${untouched > 0 ? `; ${untouched} that the point does not have stay` : ''}`,
        '',
        destructionText(destruction),
        ...(digest === undefined ? [] : [`To agree: the same command with --yes=${digest}`]),
        ...(findings.length === 0 ? [] : ['', 'Not to be restored:']),
        ...findings.map(({ subject, problem }) => `  ! ${subject}: ${problem}`),
      ].join('\n'),
  };
}
