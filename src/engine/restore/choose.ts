/** What a person asks for: absolute paths and patterns, each with everything below it. */
import { relativePath } from '../tar/commands.ts';
import type { Entry } from '../entry.ts';

/** One path or pattern that was asked for. */
export interface Choice {
  /** As it was given. */
  readonly given: string;
  /** Relative to `/`. */
  readonly path: string;
  /** Tells the paths that it names, and whatever is below them. */
  matches(path: string): boolean;
  /** The directories above what it names are known without looking at entries. */
  readonly literal: boolean;
}

const special = /[*?[\]\\]/;

/**
 * `*` and `?` stand for characters within one name, `[a-z]` and `[!a-z]` for one of some, `**` for names in any number, a
 * backslash takes the next character literally. What exists by the very name that was given is meant literally.
 *
 * @throws LifeboatError `usage` for what is not absolute, or holds `.` or `..`
 */
export async function choices(given: readonly string[], entries: () => AsyncIterable<Entry>): Promise<Choice[]> {
  const relative = given.map((path) => ({ given: path, path: relativePath(path) }));
  const doubtful = new Set(relative.map(({ path }) => path).filter((path) => special.test(path)));
  const literal = new Set<string>();
  if (doubtful.size > 0) {
    for await (const { path } of entries()) if (doubtful.has(path)) literal.add(path);
  }
  return relative.map(({ given: text, path }) =>
    doubtful.has(path) && !literal.has(path) ? pattern(text, path) : exactly(text, path),
  );
}

function exactly(given: string, path: string): Choice {
  const below = `${path}/`;
  return { given, path, literal: true, matches: (name) => path === '' || name === path || name.startsWith(below) };
}

function pattern(given: string, path: string): Choice {
  const expression = new RegExp(`^(?:${globExpression(path)})(?:/[^]*)?$`, 'u');
  return { given, path, literal: false, matches: (name) => expression.test(name) };
}

/** A pattern as the source of a regular expression over the whole path. */
function globExpression(glob: string): string {
  const parts = /\*\*\/|\*\*|\*|\?|\\[^]|\[!?(?:\\[^]|[^\]\\/])+\]|[^]/gu;
  return glob.replace(parts, (part) => {
    if (part === '**/') return '(?:[^]*/)?';
    if (part === '**') return '[^]*';
    if (part === '*') return '[^/]*';
    if (part === '?') return '[^/]';
    if (part.startsWith('[') && part.length > 2) return oneOf(part.slice(1, -1));
    return literalExpression(part.startsWith('\\') ? part.slice(1) : part);
  });
}

function oneOf(members: string): string {
  const inverted = members.startsWith('!');
  const list = (inverted ? members.slice(1) : members).replace(/\\?([^])/gu, (part, char: string) => {
    return part === '-' ? part : char.replace(/[\\\]^[-]/u, '\\$&');
  });
  const set = `[${inverted ? '^/' : ''}${list}]`;
  try {
    return new RegExp(set, 'u').source;
  } catch {
    // An impossible range, as in [z-a]: no name has one of these.
    return '(?!)';
  }
}

function literalExpression(char: string): string {
  return char.replace(/[.*+?^${}()|[\]\\/-]/u, (one) => (one === '-' ? one : `\\${one}`));
}
