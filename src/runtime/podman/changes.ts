/** What a container has changed of its image, as podman tells. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import type { Change } from '../model/storage.ts';

const paths = z.array(z.string()).nullish();
const diffSchema = z.object({ added: paths, changed: paths, deleted: paths });

/** @throws Error for what is no `podman diff --format json` */
export function parseDiff(stdout: string): Change[] {
  const { added, changed, deleted } = diffSchema.parse(JSON.parse(stdout));
  const of = (list: readonly string[] | null | undefined, change: Change['change']): Change[] =>
    (list ?? []).map((path) => ({ path, change }));
  return [...of(added, 'added'), ...of(changed, 'modified'), ...of(deleted, 'deleted')].sort(byPath);
}

function byPath(a: Change, b: Change): number {
  return a.path < b.path ? -1 : 1;
}

/** Podman compares every file of the container with its image, which may take long. */
export async function podmanChanges(asker: Asker, id: string): Promise<readonly Change[] | undefined> {
  return await asker.ask({
    argv: ['podman', 'diff', '--format', 'json', '--', id],
    parse: parseDiff,
    subject: `changes of the container ${id.slice(0, 12)}`,
    timeoutMs: 60_000,
  });
}
