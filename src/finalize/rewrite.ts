/** A text file that says something else of this machine: one deed, or none where it says what it should. */
import type { Deed } from './scene.ts';
import { readInside, type Site } from './site.ts';

export interface Rewritten {
  readonly text: string;
  /** Why, for each change. */
  readonly notes: readonly string[];
}

export async function rewriteDeed(
  site: Site,
  path: string,
  change: (content: string) => Rewritten,
  signal: AbortSignal,
): Promise<Deed[]> {
  const content = await readInside(site, path, signal);
  if (content === undefined) return [];
  const { text, notes } = change(content);
  if (text === content) return [];
  const deed: Deed = {
    id: `file ${path}`,
    title: `make ${path} fit this machine`,
    why: [...new Set(notes)].join('; '),
    needed: true,
    files: [{ path, content: text }],
    commands: [],
    changes: [path],
  };
  return [deed];
}

/** Whether one of these files, or one below these directories, is another by what was planned before. */
export const isRewritten = ({ earlier }: Site, ...places: readonly string[]): boolean =>
  earlier.some(({ changes }) =>
    changes.some((path) => places.some((place) => path === place || path.startsWith(`${place}/`))),
  );
