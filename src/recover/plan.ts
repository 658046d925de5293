/** The plan of a recovery: which disks it may take, and which stay as they are. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { type Looked, lookedAt } from '../layout/rebuild/blank.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { withoutHold } from '../layout/rebuild/held.ts';
import { planLayout } from '../layout/rebuild/plan.ts';
import { namedRequest } from '../layout/rebuild/plan-names.ts';
import { type ConsentPolicy, isNamedBy } from '../layout/rebuild/policy.ts';
import { disksWith } from '../layout/rebuild/refusals.ts';
import { disksOf, siteOf } from '../layout/rebuild/site.ts';
import { handlerOf, type Layout } from '../layout/types.ts';
import { localDirectory } from '../target/targets.ts';
import { does, type RecoverRequest } from './request.ts';
import { standingPart, standingPlan } from './standing.ts';

export interface Given {
  /** The storage of this machine now. */
  readonly here: Layout;
  /** URL of that which was found. */
  readonly repository: string;
  /** Of an unattended recovery: all of them agree to what it does. */
  readonly policies: readonly (ConsentPolicy | 'ask')[];
}

/**
 * The plan, as a dry run shows it, too.
 *
 * @throws LifeboatError as {@link planFor}
 */
export async function planOf(
  request: RecoverRequest,
  wanted: Layout,
  { here, repository, policies }: Given,
  host: Host,
  signal: AbortSignal,
): Promise<Plan> {
  const found = withWholeDisks(await withoutHold(here, host, signal));
  const held = repositoryDisks(request, repository, found);
  if (!does(request, 'recreate')) return standingPlan(wanted, standingPart(wanted, found, request.names, held), found);
  const looked = await lookedAt(wanted, found, host, signal);
  return planFor(request, wanted, {
    found,
    looked,
    held,
    policies,
    ...present({ directory: localDirectory(repository) }),
  });
}

/** Ids of the disks that repositories of this recovery lie on. */
export function repositoryDisks(
  { repositories }: Pick<RecoverRequest, 'repositories'>,
  repository: string,
  found: Layout,
): readonly string[] {
  const directories = [repository, ...repositories].flatMap((url) => localDirectory(url) ?? []);
  return [...new Set(directories.flatMap((directory) => disksWith(directory, found)))];
}

interface Here {
  readonly found: Layout;
  readonly looked: Looked;
  /** Disks with repositories. */
  readonly held: readonly string[];
  readonly policies: Given['policies'];
  /** Of the repository, where it is on this machine. */
  readonly directory?: string;
}

/**
 * Pure. A disk with something on it is taken where a person named it, or all policies that name disks do.
 *
 * @throws LifeboatError as {@link planLayout}; `refused` where the policies name no disk that is here
 */
export function planFor(
  { names, grow }: Pick<RecoverRequest, 'names' | 'grow'>,
  wanted: Layout,
  { found, looked, held, policies, directory }: Here,
): Plan {
  const exclude = [...new Set([...names.exclude, ...notLost(wanted, found, held)])];
  const request = namedRequest({ keep: [], reuse: [], ...names, exclude }, withWholeDisks(wanted), found);
  const consented = consentedDisks(policies, found, looked.blank);
  return planLayout({
    wanted,
    found,
    ...looked,
    ...request,
    ...(consented === undefined ? {} : { only: request.only?.intersection(consented) ?? consented }),
    ...present({ repository: directory }),
    ...(grow ? { grows: ({ kind }) => ['ext', 'xfs', 'btrfs', 'f2fs'].includes(kind) } : {}),
  });
}

/** Disks of the machine as it was that hold a repository now: they are not lost, and stay as they are. */
function notLost(wanted: Layout, found: Layout, held: readonly string[]): readonly string[] {
  const [was, now] = [siteOf(wanted.components), siteOf(found.components)];
  const known = new Set(wanted.components.map(({ id }) => id));
  const theirs = now.order.filter(({ id }) => now.disksUnder(id).some((disk) => held.includes(disk)));
  // One that says nothing of itself is known by what is on it.
  const below = theirs.map(({ id }) => (known.has(id) ? was.disksUnder(id) : []));
  return [...new Set(below.flatMap((disks) => (disks.length === 1 ? disks : [])))];
}

/** The disks that an unattended recovery may take whatever is on them, and no others; `undefined` where no policy names any. */
function consentedDisks(
  policies: Given['policies'],
  found: Layout,
  blank: ReadonlySet<string>,
): ReadonlySet<string> | undefined {
  const naming = policies.filter((policy) => typeof policy === 'object');
  if (naming.length === 0) return undefined;
  const isLeft = (id: string): boolean => !policies.includes('blank-disks') || blank.has(id);
  const disks = disksOf(found).filter((disk) => naming.every((one) => isNamedBy(one, disk)) && isLeft(disk.id));
  if (disks.length > 0) return new Set(disks.map(({ id }) => id));
  const here = disksOf(found).map((disk) => handlerOf(disk).title(disk));
  throw new LifeboatError(
    'refused',
    `the policy of consent names no disk that is here and may be taken: ${here.join('; ')}`,
    {
      hint: 'Nothing was touched. Look at the plan and agree to it at the terminal: lifeboat recover',
    },
  );
}
