/** Which of the paths to include have to be named to tar so that everything is archived, and nothing twice. */
import type { Host } from '../../host/host.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { namesOnStdin, relativePath } from './commands.ts';

/**
 * @param include absolute paths
 * @returns paths relative to `/`, `''` for all of it, sorted; symlinks above them are resolved, and a path is left out
 * when another one covers it within the same filesystem
 * @throws LifeboatError `usage` for a path that is not absolute or holds `.` or `..`
 */
export async function namedPaths(host: Host, include: readonly string[], signal: AbortSignal): Promise<string[]> {
  if (include.length === 0) throw new LifeboatError('usage', 'no path to back up was given');
  const wanted = include.map(relativePath);
  const parents = await resolved(host, wanted.map(parentOf), signal);
  const paths = wanted.map((path, index) =>
    path === '' ? '' : join(parents[index] ?? '', path.split('/').at(-1) ?? ''),
  );
  const unique = [...new Set(paths)].sort();
  const nested = unique.flatMap((path) =>
    unique.filter((other) => other !== path && isBelow(path, other)).map((other) => [path, other] as const),
  );
  if (nested.length === 0) return unique;
  const between = new Set(nested.flatMap(([path, above]) => [above, ...pathsBetween(above, path), path]));
  const devices = await directories(host, [...between], signal);
  const covered = new Set<string>();
  for (const [path, above] of nested) {
    const device = devices.get(above);
    const way = [...pathsBetween(above, path)];
    const end = devices.get(path);
    if (device?.directory !== true || end?.device !== device.device) continue;
    if (way.every((step) => devices.get(step)?.directory && devices.get(step)?.device === device.device))
      covered.add(path);
  }
  return unique.filter((path) => !covered.has(path));
}

export function isBelow(path: string, above: string): boolean {
  return above === '' ? path !== '' : path.startsWith(`${above}/`);
}

function* pathsBetween(above: string, path: string): Iterable<string> {
  for (let parent = parentOf(path); parent !== above; parent = parentOf(parent)) yield parent;
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

/** What is missing does not appear. */
async function directories(host: Host, paths: readonly string[], signal: AbortSignal) {
  const stdin = namesOnStdin(paths.map((path) => `/${path}`));
  const argv = ['xargs', '--null', 'stat', '--printf=%d %F|%n\\0', '--'] as const;
  // 123: some of them could not be looked at.
  const { stdout } = await host.run([...argv], { stdin, okCodes: [0, 123] }, signal);
  const found = new Map<string, { readonly device: string; readonly directory: boolean }>();
  for (const line of nameFromBytes(stdout).split('\0')) {
    const match = /^(\d+) ([^|]*)\|\/*([^]*)$/.exec(line);
    if (match) found.set(match[3] ?? '', { device: match[1] ?? '', directory: match[2] === 'directory' });
  }
  return found;
}
