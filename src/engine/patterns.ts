/** Patterns of what is left out: one meaning for the walk of a backup and for the judgement of coverage. */

/**
 * A pattern as a test of absolute paths. `*` and `?` also match `/`; one that begins with `/` is a whole path, any other
 * matches after any `/`. A backslash before `*`, `?`, `[`, `]` or another backslash takes its meaning from it. It says nothing of what lies below a path that it matches.
 */
export function matcher(given: string): (path: string) => boolean {
  const pattern = plain(given);
  const body = pattern.replace(/\\[*?[\]\\]|\[!?[^\]]+\]|[\s\S]/gu, (part) => {
    if (part.length === 2 && part.startsWith('\\')) return `\\${part.slice(1)}`;
    if (part === '*') return '[^]*';
    if (part === '?') return '[^]';
    if (part.length > 1 && part.startsWith('[')) return part.replaceAll('\\', '\\\\').replace(/^\[!/, '[^');
    return part.replace(/[.+^${}()|[\]\\/]/, '\\$&');
  });
  const start = pattern.startsWith('/') ? '^' : '(?:^|/)';
  let test: RegExp;
  try {
    test = new RegExp(`${start}${body}$`, 'u');
  } catch {
    // An impossible range as in "[z-a]": nothing has that name but the pattern itself.
    return (path) => path === pattern || (!pattern.startsWith('/') && path.endsWith(`/${pattern}`));
  }
  return (path) => test.test(path);
}

/**
 * The patterns that count below paths which are to be stored all the same: not those that match one of these or what it lies in, nor
 * those that are whole paths in one of these. A name such as `*.log` counts there as everywhere.
 *
 * @param keep absolute paths without a slash at the end
 */
export function patternsWithin(keep: readonly string[], exclude: readonly string[]): string[] {
  const places = new Set(keep.flatMap(withParents));
  return exclude.filter((pattern) => {
    const matches = matcher(pattern);
    if (keep.some((path) => leadsInto(path, plain(pattern)))) return false;
    return ![...places].some((path) => matches(path));
  });
}

/** Whether a pattern of a whole path has a beginning that means this one, so that the rest names something in it. */
function leadsInto(path: string, pattern: string): boolean {
  if (!pattern.startsWith('/')) return false;
  return [...pattern.matchAll(/\//g)].some(({ index }) => index > 0 && matcher(pattern.slice(0, index))(path));
}

/** `/a/b` → `/a`, `/a/b`; `/` itself is never left out. */
export function withParents(path: string): string[] {
  const parts = path.split('/').slice(1);
  return path === '/' ? [] : parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}

/**
 * The same for the test `-path` of GNU find, so that it does not go into what is left out; `undefined` where find, which
 * sees bytes and takes backslashes for escapes, might mean something else.
 */
export function findPattern(pattern: string): string | undefined {
  if (/[?[\\\0]/.test(pattern) || !pattern.isWellFormed()) return undefined;
  return pattern.startsWith('/') ? plain(pattern) : `*/${plain(pattern)}`;
}

/** A path taken literally, for the same test. */
export function findLiteral(path: string): string | undefined {
  return path.isWellFormed() && !path.includes('\0') ? path.replace(/[*?[\\]/g, '\\$&') : undefined;
}

/** No path of a walk has double slashes, `/./`, or a slash at its end. */
function plain(pattern: string): string {
  const single = pattern.replace(/\/(?:\.?\/)+/g, '/').replace(/(?<=.)\/\.?$/s, '');
  return single === '' ? pattern : single;
}
