/** The included paths as they are walked. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { namesOnStdin, relativePath } from './commands.ts';

/** Relative to `/`, `''` for all of it. */
export interface Named {
  /** Sorted, each once; symlinks above them are resolved. */
  readonly paths: readonly string[];
  /** Those of them that are symlinks themselves, and where they lead. */
  readonly links: readonly { readonly path: string; readonly target: string }[];
}

/**
 * @param include absolute paths
 * @throws LifeboatError `usage` for a path that is not absolute or holds `.` or `..`
 */
export async function namedPaths(host: Host, include: readonly string[], signal: AbortSignal): Promise<Named> {
  if (include.length === 0) throw new LifeboatError('usage', 'no path to back up was given');
  const wanted = include.map(relativePath);
  const found = await resolved(host, [...wanted.map(parentOf), ...wanted], signal);
  const targets = new Map<string, string>();
  for (const [index, path] of wanted.entries()) {
    const named = path === '' ? '' : join(found[index] ?? '', path.split('/').at(-1) ?? '');
    targets.set(named, found[wanted.length + index] ?? named);
  }
  const paths = [...targets.keys()].sort();
  const links = paths.flatMap((path) => {
    const target = targets.get(path) ?? path;
    return target === path ? [] : [{ path, target }];
  });
  return { paths, links };
}

export function isBelow(path: string, above: string): boolean {
  return above === '' ? path !== '' : path.startsWith(`${above}/`);
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function join(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

/** With names on stdin, since an argument cannot hold every name. */
async function resolved(host: Host, paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  const stdin = namesOnStdin(paths.map((path) => `/${path}`));
  const argv = ['xargs', '--null', 'realpath', '--canonicalize-missing', '--zero', '--'] as const;
  const { stdout } = await host.run([...argv], { stdin }, signal);
  return nameFromBytes(stdout)
    .split('\0')
    .slice(0, -1)
    .map((path) => path.replace(/^\/+/, ''));
}
