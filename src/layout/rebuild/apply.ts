/** Carries a plan out: checks that all is as the plan saw it, does what it says, and proves the result by capturing it. */
import type { Host } from '../../host/host.ts';
import type { Change } from '../../kernel/change.ts';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Action } from '../../plan/action.ts';
import { execute, type Execution, type Progress } from '../../plan/execute.ts';
import { holding, othersEnded } from '../../plan/outlive.ts';
import { givenNames, refuseWithoutTools } from '../../plan/preflight.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import type { Layout } from '../types.ts';
import { withWholeDisks } from './attached.ts';
import { builderOf } from './builders.ts';
import { checkPlan } from './check.ts';
import { type Plan, planDigest } from './document.ts';
import { guardOf } from './guard.ts';
import { markBlank, markContent, markPlace } from './mark.ts';
import { failingMembers } from './members.ts';
import { refuseUsed } from './refusals.ts';
import { disksOf, notMade, siteOf } from './site.ts';
import { captureWhole } from './whole.ts';

export interface Application {
  readonly host: Host;
  readonly progress: Progress;
  /** Headers and keys of encrypted volumes, by name. @throws LifeboatError where there is none */
  readonly given: (name: string, signal: AbortSignal) => Promise<Uint8Array>;
  readonly say: (action: Action) => void;
}

/** Held on the host by each command of a plan, whichever it is. */
const commandLock = '/run/lifeboat-apply.lock';
/** Longer than most commands take; whoever makes a very large filesystem is told to wait. */
const othersLimitMs = 5 * 60_000;

/**
 * @returns what is not as the plan said; the marks on the disks go when there is nothing
 * @throws LifeboatError before the first write: `refused` where a disk is not what the plan saw, or the plan is not what it says,
 *   `tool-missing`, what `given` throws; then of the command that failed
 */
export async function applyPlan(plan: Plan, application: Application, signal: AbortSignal): Promise<readonly Change[]> {
  const { host, progress, given } = application;
  if (!plan.actions.every(({ id }) => progress.ended.has(id))) {
    const ready = await prepared(plan, application, signal);
    await othersEnded(host, commandLock, othersLimitMs, signal);
    const digest = planDigest(plan);
    await execute(
      plan.actions,
      {
        ...application,
        ...ready,
        host: holding(host, commandLock),
        given: async (name, inner) => {
          const disk = markedDisk(name);
          return disk === undefined ? await given(name, inner) : markContent({ plan: digest, of: plan.of, disk });
        },
      },
      signal,
    );
  }
  const after = await captureWhole(plan, host, signal);
  const changes = [...rebuiltChanges(plan, after), ...(await failingMembers(plan, after, host, signal))];
  if (changes.length > 0) return changes;
  const site = siteOf(plan.layout.components);
  for (const { id, device } of disksOf(after)) {
    const place = plan.disks.some((disk) => disk.id === id) ? markPlace(id, site) : undefined;
    if (place !== undefined) await markBlank(host, device, place, signal);
  }
  return changes;
}

/**
 * Writes nothing: looks whether a plan can be carried out here, now.
 *
 * @throws LifeboatError as {@link applyPlan} does before the first write
 */
export async function prepared(
  plan: Plan,
  { host, progress, given }: Omit<Application, 'say'>,
  signal: AbortSignal,
): Promise<Pick<Execution, 'locate' | 'check'>> {
  checkPlan(plan);
  const guard = await guardOf(plan, host, progress, signal);
  const found = withWholeDisks(await captureLayout(host, new Date(), signal));
  if (progress.begun.size === 0) refuseChanged(plan, found);
  refuseUsed(
    plan.disks.map(({ id }) => id),
    found,
  );
  const left = plan.actions.filter(({ id }) => !progress.ended.has(id));
  await refuseWithoutTools(left, host, signal);
  for (const name of givenNames(left)) if (markedDisk(name) === undefined) await given(name, signal);
  await guard.checkAll(new Set(left.flatMap(({ writes }) => writes)), signal);
  return guard;
}

/** The disk whose mark a command reads. */
const markedDisk = (name: string): string | undefined => /^mark:(.*)$/.exec(name)?.[1];

/** What is on the disks, and which disks they are, as it was when somebody agreed to lose it. */
function refuseChanged({ before }: Plan, found: Layout): void {
  const taken = new Set(before.components.map(({ id }) => id));
  const now = siteOf(found.components);
  const disks = disksOf(before).map(({ id }) => id);
  const components = now.order.filter(
    ({ id }) => taken.has(id) || now.disksUnder(id).some((one) => disks.includes(one)),
  );
  const changes = layoutChanges(made(before), made({ ...found, components }));
  if (changes.length === 0) return;
  throw new LifeboatError('refused', `the disks are not as they were when the plan was made: ${textOf(changes)}`, {
    hint: 'Make the plan again, and look what it would destroy now.',
  });
}

/** What is not as the plan said, of all that it makes, and of what it leaves as it is beside that. */
export function rebuiltChanges({ layout, fates }: Plan, after: Layout): readonly Change[] {
  const now = siteOf(after.components);
  const taken = new Set(disksOf(layout).map(({ id }) => id));
  const components = now.order.filter(({ id }) => now.disksUnder(id).some((disk) => taken.has(disk)));
  const resized = new Set(fates.new.flatMap(({ id, fate }) => (fate === 'resize' ? [id] : [])));
  const renewed = new Set(layout.components.flatMap(({ id, renewed: is }) => (is === true ? [id] : [])));
  const told = (one: Layout): Layout => withoutDefaults(made(one, resized), renewed);
  return layoutChanges(told(layout), told({ ...after, components }));
}

/** Of what is made as its tool does by itself, nobody said how. */
function withoutDefaults(layout: Layout, renewed: ReadonlySet<string>): Layout {
  return {
    ...layout,
    components: layout.components.map((component) => {
      if (!renewed.has(component.id)) return component;
      const { renewed: _renewed, ...plain } = component;
      if ('geometry' in plain) delete plain.geometry;
      return 'type' in plain ? { ...plain, sizeBytes: 0 } : plain;
    }),
  };
}

/** Without what comes back with the files only, and what its tools choose. */
function made(layout: Layout, resized: ReadonlySet<string> = new Set()): Layout {
  return {
    ...layout,
    gaps: [],
    components: layout.components
      .filter(({ kind }) => !notMade.has(kind))
      .map((component) => builderOf(component)?.compared?.(component, resized.has(component.id)) ?? component),
  };
}

const textOf = (changes: readonly Change[]): string =>
  changes
    .slice(0, 3)
    .map(({ text }) => text)
    .join('; ');
