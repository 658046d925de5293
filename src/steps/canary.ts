/**
 * A file that every backup of a whole host writes just before it reads the others: a drill looks for it in the machine that it recovered, so
 * that one that started from something older, or without a filesystem, is found out.
 */
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { isSystemError } from '../kernel/errors.ts';
import { matcher } from '../engine/patterns.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Layout } from '../layout/types.ts';
import { type Including, includedPaths } from '../point/include.ts';
import { step } from './define.ts';

const CANARY_FORMAT = 'lifeboat.canary/1';

/** Beside the state directory, which is in no backup. */
const canaryFile = (stateDir: string): string => `${stateDir}.canary.json`;

export const plantCanary = step({
  id: 'canary',
  title: 'Write the file by which a drill knows this point',
  needs: ['config', 'stateDir', 'hostName', 'pointId', 'layout'],
  gives: ['canary'],
  timeout: '1m',
  run: async ({ state: { config, stateDir, hostName, pointId, layout }, say }) => {
    const path = canaryFile(stateDir);
    if (!isBackedUp(path, config.backup, layout)) return { canary: null };
    const content = { format: CANARY_FORMAT, host: hostName, point: pointId, at: layout.capturedAt };
    try {
      await writeFileAtomic(path, `${JSON.stringify(content)}\n`, 0o644);
      return { canary: path };
    } catch (error) {
      if (!isSystemError(error)) throw error;
      say({ type: 'note', text: `drills of this point do not look for ${path}: ${error.message}` });
      return { canary: null };
    }
  },
});

/** Only where all of the host is: a backup of some files is of no machine. */
export function isBackedUp(
  path: string,
  backup: Including & { readonly exclude: readonly string[] },
  layout: Pick<Layout, 'components'>,
): boolean {
  if (!backup.include.includes('/')) return false;
  const parts = path.split('/');
  const places = parts.map((_, index) => parts.slice(0, index + 1).join('/') || '/');
  if (backup.exclude.map(matcher).some((isLeftOut) => places.some(isLeftOut))) return false;
  const mounts = layout.components.flatMap((one) =>
    one.kind === 'mount' && one.mounted && one.hidden !== true && isWithin(path, one.path) ? [one.path] : [],
  );
  const nearest = mounts.toSorted((a, b) => b.length - a.length)[0] ?? '/';
  return includedPaths(backup, layout).includes(nearest);
}
