/** Which files a point holds: the walk of the included paths, less what the rules leave out. */
import { LifeboatError } from '../../kernel/errors.ts';
import type { BackupJob, Exclusion } from '../engine.ts';
import { matcher, patternsWithin, withParents } from '../patterns.ts';
import { findCacheTags } from './cache-tags.ts';
import { relativePath } from './commands.ts';
import { Exclusions } from './exclusions.ts';
import { findArgv, findFiles, PRUNED } from './find.ts';
import { isBelow, namedPaths } from './include.ts';
import { strayProblem, Strays } from './strays.ts';

/** Something to be in the point. There may be millions: what `stat` said stays a line (`statOf`). */
export interface Chosen {
  /** Relative to `/`, as in an entry. */
  readonly path: string;
  readonly stat: string;
  /** Whether an earlier point holds something of this path, and whether it holds it as it is. */
  known: boolean;
  kept: boolean;
}

export interface Choice {
  /** Every path once, in the order of {@link byPath}. */
  readonly chosen: Chosen[];
  readonly excluded: Exclusion[];
  /** Absolute paths of what was there and could not be looked at, with the reason. */
  readonly problems: ReadonlyMap<string, string>;
  readonly notes: string[];
}

export type ChoosingJob = Pick<
  BackupJob,
  'host' | 'include' | 'exclude' | 'leaveOut' | 'keep' | 'imageLayers' | 'rules'
>;

/** @throws LifeboatError `usage` for paths that cannot be meant, `command-failed` */
export async function choose(job: ChoosingJob, signal: AbortSignal): Promise<Choice> {
  const { host, rules, exclude, leaveOut = [], keep = [], imageLayers = [] } = job;
  const own = new Set(leaveOut.map(ownPath));
  const layers = new Set(imageLayers.map(ownPath));
  const kept = new Set(keep.map(ownPath));
  const exclusions = new Exclusions();
  const problems = new Map<string, string>();
  const notes: string[] = [];
  const chosen: Chosen[] = [];
  const tags: string[] = [];

  /** Whether a path itself is left out by name. */
  const namer = (excluding: readonly string[]) => {
    const patterns = excluding.map((pattern) => ({ pattern, matches: matcher(pattern) }));
    return (path: string, bytes: number): boolean => {
      if (own.has(path) || layers.has(path)) {
        exclusions.add(own.has(path) ? 'own' : 'image-layer', path, bytes);
        return true;
      }
      const pattern = patterns.find(({ matches }) => matches(path))?.pattern;
      if (pattern !== undefined) exclusions.add('pattern', path, bytes, pattern);
      return pattern !== undefined;
    };
  };

  const { paths, links } = await namedPaths(host, job.include, signal);
  const roots = paths.map((path) => `/${path}`);
  for (const { path, target } of links) {
    if (paths.some((root) => root === target || isBelow(target, root))) continue;
    problems.set(
      `/${path}`,
      `is a symbolic link: what it leads to is not in the point; add /${target} to backup.include`,
    );
  }
  const isRoot = new Set(roots);
  const onProblem = ({ path, problem }: { path: string; problem: string }): void => {
    if (problem.startsWith('is a directory that')) notes.push(`${path} ${problem}: it is in the point once`);
    // What vanished while others were looked at was not to be there.
    else if (problem !== 'No such file or directory' || isRoot.has(path)) problems.set(path, problem);
  };
  const walk = async (some: readonly string[], excluding: readonly string[]): Promise<void> => {
    const named = namer(excluding);
    const walked = some.filter((root) => !withParents(root).some((path) => named(path, 0)));
    if (walked.length === 0) return;
    let below: string | undefined;
    for await (const seen of findFiles(host, findArgv(excluding, [...own, ...layers]), walked, onProblem, signal)) {
      for (const { path, stat: line } of seen) {
        if (below !== undefined) {
          if (path.startsWith(below)) continue;
          below = undefined;
        }
        const pruned = line.startsWith(PRUNED);
        const stat = pruned ? line.slice(PRUNED.length) : line;
        const type = stat.charAt(0);
        const size = type === 'f' ? sizeOf(stat) : 0;
        if (named(path, size)) {
          if (type === 'd') below = `${path}/`;
        } else if (pruned) throw new LifeboatError('bug', `find left out ${JSON.stringify(path)}, which no rule names`);
        else if (type === 's') exclusions.add('socket', path, 0);
        else if (size > (rules.maxFileBytes ?? Infinity)) exclusions.add('too-large', path, size);
        else if (!types.has(type)) problems.set(path, 'is of a type that no archive can hold');
        else {
          if (rules.cacheDirectories && size >= TAG_SIZE && path.endsWith(TAG)) tags.push(path);
          chosen.push({ path: path.slice(1), stat, known: false, kept: false });
        }
      }
    }
  };
  await walk(
    roots.filter((root) => !kept.has(root)),
    exclude,
  );
  await walk(
    roots.filter((root) => kept.has(root)),
    patternsWithin([...kept], exclude),
  );
  // Paths that lie in each other are walked one after the other, and may tell of different moments.
  const strays = new Strays();
  const sorted = inOrder(chosen).filter(({ path, stat }) => {
    const stray = strays.has({ path, type: stat.startsWith('d') ? 'directory' : 'file' });
    if (stray) problems.set(`/${path}`, strayProblem);
    return !stray;
  });
  const chosenOnes =
    tags.length === 0 ? sorted : withoutCaches(sorted, await findCacheTags(host, tags, signal), exclusions);
  const excluded = exclusions.list();
  const unmet = exclude.filter((pattern) => !excluded.some((one) => one.pattern === pattern));
  if (unmet.length > 0) notes.push(`nothing was left out by ${unmet.map((one) => JSON.stringify(one)).join(', ')}`);
  return { chosen: chosenOnes, excluded, problems, notes };
}

const types = new Set(['f', 'd', 'l', 'p', 'c', 'b']);
const TAG = '/CACHEDIR.TAG';
/** The signature that it begins with. */
const TAG_SIZE = 43;

/** Bytes of a file's content: the fourth word. */
export function sizeOf(stat: string): number {
  return Number(stat.split(' ', 4)[3]);
}

function ownPath(path: string): string {
  const relative = relativePath(path);
  if (relative === '') throw new LifeboatError('usage', `cannot be left out of a backup: ${JSON.stringify(path)}`);
  return `/${relative}`;
}

/** The key by which entries are ordered: a directory, what is in it, and then what merely begins like it. */
export function byPath(path: string): string {
  return path.replaceAll('/', '\0');
}

function inOrder(chosen: readonly Chosen[]): Chosen[] {
  const keyed = chosen.map((item) => ({ key: byPath(item.path), item }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return keyed.filter(({ key }, index) => key !== keyed[index - 1]?.key).map(({ item }) => item);
}

/** @param tags absolute paths of true tags */
function withoutCaches(chosen: readonly Chosen[], tags: readonly string[], exclusions: Exclusions): Chosen[] {
  const caches = new Set(tags.map((tag) => tag.slice(1, -TAG.length)));
  let below: string | undefined;
  return chosen.filter(({ path, stat }) => {
    if (below !== undefined && !path.startsWith(below)) below = undefined;
    if (below === undefined) {
      if (caches.has(path)) below = `${path}/`;
      return true;
    }
    if (path.length === below.length + TAG.length - 1 && path.endsWith(TAG)) return true;
    exclusions.add('cache-directory', `/${path}`, stat.startsWith('f') ? sizeOf(stat) : 0);
    return false;
  });
}
