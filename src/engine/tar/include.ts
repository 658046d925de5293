/** The included paths as they are walked. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { namesOnStdin, relativePath } from './commands.ts';

/**
 * @param include absolute paths
 * @returns paths relative to `/`, `''` for all of it, sorted, each once; symlinks above them are resolved
 * @throws LifeboatError `usage` for a path that is not absolute or holds `.` or `..`
 */
export async function namedPaths(host: Host, include: readonly string[], signal: AbortSignal): Promise<string[]> {
  if (include.length === 0) throw new LifeboatError('usage', 'no path to back up was given');
  const wanted = include.map(relativePath);
  const parents = await resolved(host, wanted.map(parentOf), signal);
  const paths = wanted.map((path, index) =>
    path === '' ? '' : join(parents[index] ?? '', path.split('/').at(-1) ?? ''),
  );
  return [...new Set(paths)].sort();
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
