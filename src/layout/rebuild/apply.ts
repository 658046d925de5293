/** Carries a plan out: checks that all is as the plan saw it, does what it says, and proves the result by capturing it. */
import type { Host } from '../../host/host.ts';
import type { Change } from '../../kernel/change.ts';
import type { Action } from '../../plan/action.ts';
import { execute, type Execution, type Progress } from '../../plan/execute.ts';
import { holding, othersEnded } from '../../plan/outlive.ts';
import { givenNames, refuseWithoutTools } from '../../plan/preflight.ts';
import { capturePatiently } from '../capture-patiently.ts';
import { withWholeDisks } from './attached.ts';
import { checkPlan } from './check.ts';
import { rebuiltChanges } from './compared.ts';
import type { Plan } from './document.ts';
import { refuseWrong } from './given.ts';
import { guardOf } from './guard.ts';
import { markOf } from './half-done.ts';
import { markContent, markedDisk, unmark } from './mark.ts';
import { withoutHold } from './held.ts';
import { failingMembers } from './members.ts';
import { disksOf } from './site.ts';
import { refuseChanged } from './unchanged.ts';
import { captureWhole } from './whole.ts';

export interface Application {
  readonly host: Host;
  readonly progress: Progress;
  /** Headers and keys of encrypted volumes, by name. @throws LifeboatError where there is none */
  readonly given: (name: string, signal: AbortSignal) => Promise<Uint8Array>;
  readonly say: (action: Action) => void;
  /** Whether the marks stay on the disks, as what belongs on these is not there yet. */
  readonly marked?: boolean;
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
    const now = new Date();
    await execute(
      plan.actions,
      {
        ...application,
        ...ready,
        host: holding(host, commandLock),
        given: async (name, inner) => {
          const disk = markedDisk(name);
          return disk === undefined ? await given(name, inner) : markContent(markOf(plan, disk, now));
        },
      },
      signal,
    );
  }
  const after = await captureWhole(plan, host, signal);
  const changes = [...rebuiltChanges(plan, after), ...(await failingMembers(plan, after, host, signal))];
  if (changes.length > 0 || application.marked === true) return changes;
  const written = new Set(plan.disks.map(({ id }) => id));
  await unmark(
    disksOf(after).filter(({ id }) => written.has(id)),
    host,
    signal,
  );
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
  const captured = await capturePatiently(host, signal);
  const found = withWholeDisks(await withoutHold(captured, host, signal));
  refuseChanged(plan, found, guard.paths, progress.begun);
  const left = plan.actions.filter(({ id }) => !progress.ended.has(id));
  await refuseWithoutTools(left, host, signal);
  await refuseWrong(givenNames(left), given, host, signal);
  await guard.checkAll(new Set(left.flatMap(({ writes }) => writes)), signal);
  return guard;
}
