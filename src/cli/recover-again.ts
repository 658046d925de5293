/** A recovery that was cut off is gone on with by the same command: what was done is not done twice. */
import { isDeepStrictEqual } from 'node:util';
import { asLifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import { formatDuration } from '../kernel/units.ts';
import { findPoint } from '../point/find.ts';
import { changedSince } from '../recover/going-on.ts';
import { type State, typedState } from '../steps/define.ts';
import { openConfigured } from '../steps/repository.ts';
import { listRuns, readRun, type RunReport } from '../workflow/store.ts';
import type { Session } from './session.ts';

/** The first step that writes to a disk. */
const firstWrite = 'recreate.disks';

export interface Earlier {
  readonly id: string;
  /** Why it is not gone on with. */
  readonly why?: string;
  /** For a person: which run it is, how old, and what is done about it. */
  readonly text: string;
}

/**
 * The last attempt at the very same, where that had begun to write. It is gone on with while the disks are as it left them and its point is
 * still the one that is meant; else, and where it was refused or had written nothing, all begins anew with another look at the disks.
 *
 * @param isNew somebody wants to begin anew
 */
export async function earlierRun(
  inputs: Readonly<Record<string, Json>>,
  isNew: boolean,
  session: Pick<Session, 'context' | 'host' | 'opening' | 'signal'>,
): Promise<Earlier | undefined> {
  const { stateDir, now } = session.context;
  const last = (await listRuns(stateDir)).find(
    (run): run is RunReport => 'workflow' in run && run.workflow === 'recover',
  );
  if (last === undefined || !hasBegunToWrite(last)) return undefined;
  const { progress } = await readRun(stateDir, last.id);
  const own = ['hostName', 'pointName', 'recoverRequest', 'destination'];
  if (!own.every((key) => isDeepStrictEqual(progress.run.inputs[key], inputs[key]))) return undefined;
  const gives = [...progress.finished.values()].map((step) => step.gives);
  const state = typedState(Object.assign({}, progress.run.inputs, ...gives));
  const isBuilt = progress.finished.has(firstWrite);
  const why = isNew ? 'as told' : await changed(state, isBuilt, session);
  const age = formatDuration(Math.max(0, now().getTime() - Date.parse(last.startedAt)));
  const which = `the recovery that was cut off (run ${last.id}, begun ${last.startedAt}, ${age} ago, point ${state.point?.id ?? '?'})`;
  return why === undefined
    ? { id: last.id, text: `Going on with ${which}. To begin anew instead: lifeboat recover --new` }
    : { id: last.id, why, text: `Beginning anew, and not going on with ${which}: ${why}` };
}

async function changed(
  { point, layoutPlan, config, hostName, pointName }: Partial<State>,
  isBuilt: boolean,
  { host, opening, signal }: Pick<Session, 'host' | 'opening' | 'signal'>,
): Promise<string | undefined> {
  if (point === undefined || layoutPlan === undefined || config === undefined) return 'it has no plan';
  const why = await changedSince(layoutPlan, isBuilt, host, signal);
  if (why !== undefined || pointName !== 'latest' || hostName === undefined) return why;
  const latest = await latestOf();
  return latest === undefined || latest === point.id ? undefined : `there is a later point, ${latest}`;

  /** Nothing where it cannot be asked: then that of the run is the one that is known. */
  async function latestOf(): Promise<string | undefined> {
    if (config === undefined || hostName === undefined) return undefined;
    try {
      await using repository = await openConfigured(config, { ...opening, hurried: true }, signal);
      return (await findPoint(repository, hostName, 'latest', signal)).point.id;
    } catch (error) {
      if (asLifeboatError(error).code === 'interrupted') throw error;
      return undefined;
    }
  }
}

export function hasBegunToWrite({ status, finishedSteps, failedStep, error }: RunReport): boolean {
  if (status !== 'failed' && status !== 'interrupted' && status !== 'killed') return false;
  if (finishedSteps.some(({ id }) => id === firstWrite)) return true;
  const isAgreed = finishedSteps.some(({ id }) => id === 'agree.agree');
  return (
    isAgreed &&
    (failedStep === undefined || failedStep === firstWrite) &&
    error?.code !== 'refused' &&
    error?.code !== 'usage'
  );
}
