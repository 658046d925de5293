/** Paths and patterns, as a backup of files follows them. */
import { isWithin } from '../layout/mount-place.ts';

/** Whether a pattern may match something below `directory`; of one that begins anywhere that is always so. */
export function mayMatchBelow(pattern: string, directory: string): boolean {
  if (!pattern.startsWith('/')) return true;
  const literal = /^[^*?[]*/.exec(pattern)?.[0] ?? '';
  if (literal === pattern) return false;
  return isWithin(literal, directory) || `${directory === '/' ? '' : directory}/`.startsWith(literal);
}

/** Without double slashes, `.` and a slash at the end. */
export function normalised(path: string): string {
  const plain = path.replace(/\/+/g, '/').replace(/(?:\/\.)+(?=\/|$)/g, '');
  return plain.length > 1 ? plain.replace(/\/$/, '') : plain === '' ? '/' : plain;
}

export function joined(directory: string, relative: string): string {
  return relative === '' ? directory : `${directory === '/' ? '' : directory}/${relative}`;
}

/** Where `root` lies below the directory that the owner shows. */
export function relativeRoot(root: string, ownerRoot: string): string {
  return isWithin(root, ownerRoot) ? root.slice(ownerRoot.length).replace(/^\//, '') : root.replace(/^\//, '');
}

/** `/a/b` → `/a/b`, `/a`, `/`. */
export function upwards(path: string): string[] {
  const result = [path];
  for (let at = path; at !== '/' && at.startsWith('/'); ) {
    at = at.slice(0, at.lastIndexOf('/')) || '/';
    result.push(at);
  }
  return result;
}
