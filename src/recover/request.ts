/** What a recovery is asked to do, and which of its parts that means. */
import { LifeboatError } from '../kernel/errors.ts';
import type { ConsentPolicy } from '../layout/rebuild/policy.ts';
import type { PlanNames } from '../layout/rebuild/plan-names.ts';

/** In the order in which they are done; what comes before them only reads. What ends a recovery says what was proven. */
export const parts = ['recreate', 'mount', 'restore', 'finalize', 'prove', 'end'] as const;
export type Part = (typeof parts)[number];

/** What one can go on from: nothing ends without a proof. */
export const starts = parts.filter((part) => part !== 'end');

export interface RecoverRequest {
  /** URLs that are tried where the repository of the configuration does not answer. */
  readonly repositories: readonly string[];
  readonly names: Pick<PlanNames, 'map' | 'only' | 'exclude' | 'rewrite'>;
  readonly grow: boolean;
  readonly clone: boolean;
  /** What an attempt left that was cut off when all files were back is finished, and nothing else. */
  readonly finishing?: boolean;
  readonly parts: readonly Part[];
  /** Id of the medium that this was started from. */
  readonly medium?: string;
  /** Nobody is asked anything: what is done has to be within these policies, all of them. */
  readonly unattended?: Unattended;
  /** How long proving may take, in milliseconds: what is not read then is said. */
  readonly budgetMs?: number;
  /** Consent, as `--yes` takes it. */
  readonly yes?: string;
}

export interface Unattended {
  /** As the loader told, besides what the configuration says. */
  readonly policies: readonly (ConsentPolicy | 'ask')[];
  /** Path of the configuration whose policy is meant, which has to be signed for some; absent where there is none. */
  readonly configuration?: string;
  /** The medium says that its configuration was signed when it was made. */
  readonly signed?: boolean;
}

export interface PartOptions {
  readonly mountOnly: boolean;
  readonly layoutOnly: boolean;
  readonly filesOnly: boolean;
  readonly from?: string;
}

/**
 * The parts that were asked for. Disks that are not built anew are put together as they are.
 *
 * @throws LifeboatError `usage` for several of these options, or a part that there is not
 */
export function partsOf({ mountOnly, layoutOnly, filesOnly, from }: PartOptions): readonly Part[] {
  if ([mountOnly, layoutOnly, filesOnly, from !== undefined].filter(Boolean).length > 1) {
    throw new LifeboatError('usage', 'only one of --mount-only, --layout-only, --files-only and --from can be given');
  }
  if (mountOnly) return ['mount'];
  if (layoutOnly) return ['recreate'];
  if (filesOnly) return ['mount', 'restore'];
  if (from === undefined) return parts;
  const first = starts.findIndex((part) => part === from);
  if (first !== -1) return parts.filter((part, index) => index >= first || (part === 'mount' && first > 0));
  throw new LifeboatError('usage', `a recovery cannot go on from ${JSON.stringify(from)}`, {
    hint: `It can from ${starts.join(', ')}.`,
  });
}

/** Somebody says which disks are taken, whatever is on them. */
export const namesDisks = ({ names }: Pick<RecoverRequest, 'names'>): boolean =>
  names.map.length + names.only.length > 0;

export const does = ({ parts: asked }: Pick<RecoverRequest, 'parts'>, part: Part): boolean => asked.includes(part);
