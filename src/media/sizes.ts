/** What of a rescue system takes the room, by names that say something to a person. */
import type { Listed } from './layer-list.ts';

export interface Share {
  readonly name: string;
  /** Unpacked. */
  readonly bytes: number;
}

/** Files from this size on stand for themselves. */
const bigBytes = 1 << 20;

/** @returns the largest shares first, with `others` for all that is not among the first `count` */
export function largestShares(entries: readonly Listed[], count: number): readonly Share[] {
  const shares = new Map<string, number>();
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    const name = nameOf(entry);
    shares.set(name, (shares.get(name) ?? 0) + entry.bytes);
  }
  const all = [...shares].map(([name, bytes]) => ({ name, bytes })).sort((a, b) => b.bytes - a.bytes);
  const rest = all.slice(count).reduce((sum, { bytes }) => sum + bytes, 0);
  return [...all.slice(0, count), ...(rest === 0 ? [] : [{ name: 'others', bytes: rest }])];
}

function nameOf({ path, bytes }: Listed): string {
  const [, module] = /^usr\/lib\/modules\/[^/]+\/kernel\/([^/]+(?:\/[^/]+)?)\//.exec(path) ?? [];
  if (module !== undefined) return `modules of ${module}`;
  const [, folder] = /^usr\/lib\/(lifeboat|firmware|modules)\//.exec(path) ?? [];
  if (folder !== undefined) return folder;
  if (bytes >= bigBytes) return path;
  return path.split('/').slice(0, -1).slice(0, 4).join('/') || path;
}
