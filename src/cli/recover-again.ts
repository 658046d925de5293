/** A recovery that was cut off is gone on with by the same command: what was done is not done twice. */
import { isDeepStrictEqual } from 'node:util';
import type { Json } from '../kernel/json.ts';
import { listRuns, readRun, type RunReport } from '../workflow/store.ts';

/** The first step that writes to a disk. */
const firstWrite = 'recreate.disks';

/**
 * The run to go on with: the last attempt at the very same that had begun to write. One that was refused, or had written nothing, begins
 * anew with another look at the disks.
 */
export async function runToGoOn(stateDir: string, inputs: Readonly<Record<string, Json>>): Promise<string | undefined> {
  const last = (await listRuns(stateDir)).find(
    (run): run is RunReport => 'workflow' in run && run.workflow === 'recover',
  );
  if (last === undefined || !hasBegunToWrite(last)) return undefined;
  const { run } = (await readRun(stateDir, last.id)).progress;
  const own = ['hostName', 'pointName', 'recoverRequest', 'destination'];
  return own.every((key) => isDeepStrictEqual(run.inputs[key], inputs[key])) ? last.id : undefined;
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
