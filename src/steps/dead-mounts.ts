/** Mounts that do not answer and that the walk of a backup would wait for: find looks at each, be it excluded or not. */
import { findPattern, matcher } from '../engine/patterns.ts';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { mayHang } from '../layout/mount-category.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Layout } from '../layout/types.ts';
import { normalised, upwards } from '../point/paths.ts';

const PATIENCE_MS = 30_000;

export interface Walk {
  /** Absolute paths, each walked within its own filesystem. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** @throws LifeboatError `command-timeout` naming the first mount that does not answer */
export async function checkMounts(
  host: Host,
  walk: Walk,
  layout: Pick<Layout, 'components'>,
  signal: AbortSignal,
): Promise<void> {
  const answers = mountsToMeet(walk, layout).map((path) => checkMount(host, path, signal));
  for (const answer of answers) answer.catch(() => undefined);
  for (const answer of answers) await answer;
}

/** Paths of the mounts that a walk comes to and that may not answer. */
export function mountsToMeet({ include, exclude }: Walk, { components }: Pick<Layout, 'components'>): string[] {
  const roots = include.map(normalised);
  // Into what find leaves out by itself it does not go.
  const pruned = exclude.filter((pattern) => findPattern(pattern) !== undefined).map(matcher);
  const mounts = components.flatMap((one) => (one.kind === 'mount' && one.mounted && one.hidden !== true ? [one] : []));
  const isMet = (path: string): boolean => {
    const above = upwards(path).slice(1);
    if (roots.some((root) => isWithin(root, path))) return true;
    if (above.some((directory) => pruned.some((matches) => matches(directory)))) return false;
    const borders = mounts.filter((one) => one.category !== 'bind' && above.includes(one.path));
    return roots.some(
      (root) => isWithin(path, root) && !borders.some((border) => border.path !== root && isWithin(border.path, root)),
    );
  };
  return mounts.filter(({ fstype, path }) => mayHang(fstype) && isMet(path)).map(({ path }) => path);
}

async function checkMount(host: Host, path: string, signal: AbortSignal): Promise<void> {
  try {
    await host.run(['stat', '--format=%i', '--', path], { timeoutMs: PATIENCE_MS }, signal);
  } catch (cause) {
    throwIfAborted(signal);
    // One that answers with an error does answer, and one whose name cannot be given is not asked: the walk tells the rest.
    if (!(cause instanceof LifeboatError) || cause.code !== 'command-timeout') return;
    throw new LifeboatError(
      'command-timeout',
      `what is mounted at ${path} does not answer: a backup would wait for ever`,
      {
        hint: 'Mount it anew, or unmount it (umount --lazy), or exclude the directory that it is mounted in: to exclude the mount itself does not help.',
        cause,
      },
    );
  }
}
