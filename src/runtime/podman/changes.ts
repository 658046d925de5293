/** What a container has changed of its image, as podman tells. */
import { z } from 'zod';
import { anyCode } from '../../host/any-code.ts';
import type { Asker } from '../../host/asker.ts';
import type { Argv, Host } from '../../host/host.ts';
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

const comparing = (id: string): Argv => ['podman', 'diff', '--format', 'json', '--', id];

/** What a container has changed, however long it takes to compare. @throws LifeboatError `command-failed` where podman cannot tell */
export async function changesOf(host: Host, id: string, signal: AbortSignal): Promise<readonly Change[]> {
  const { stdout } = await host.run(comparing(id), { timeoutMs: 3_600_000 }, signal);
  return parseDiff(stdout.toString());
}

/**
 * Directories of the image that were removed and made again: podman's own export brings back none of what is in them. Or that it cannot tell what was
 * changed, and so not export it either.
 *
 * @returns what speaks against an export, in words
 */
export async function madeAgain(host: Host, id: string, signal: AbortSignal): Promise<readonly string[]> {
  const asked = await host.run(comparing(id), { okCodes: anyCode, timeoutMs: 600_000 }, signal);
  if (asked.code !== 0) return [`podman cannot tell what it has changed: ${asked.stderr.trim().split('\n').at(-1)}`];
  const changes = parseDiff(asked.stdout.toString());
  const there = changes.filter(({ change }) => change !== 'deleted');
  return changes
    .filter(({ change, path }) => change === 'deleted' && there.some((one) => one.path.startsWith(`${path}/`)))
    .map(({ path }) => `${path} was removed and made again, and podman loses what is in it`);
}

/** Podman compares every file of the container with its image, which may take long. */
export async function podmanChanges(asker: Asker, id: string): Promise<readonly Change[] | undefined> {
  return await asker.ask({
    argv: comparing(id),
    parse: parseDiff,
    subject: `changes of the container ${id.slice(0, 12)}`,
    timeoutMs: 60_000,
  });
}
