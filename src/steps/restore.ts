/** The step that brings files out of a recovery point: compare, ask, make, move. Each attempt goes on with the last. */
import type { BigIntStats } from 'node:fs';
import type { RestoreReport } from '../engine/engine.ts';
import { type Comparison, changeOf } from '../engine/restore/comparison.ts';
import { finishAttributes } from '../engine/restore/finish.ts';
import { type Placed, place } from '../engine/restore/place.ts';
import { Findings } from '../engine/tar/stderr.ts';
import type { Host } from '../host/host.ts';
import type { CleanupContext, StepContext } from '../workflow/step.ts';
import { agree, consentDigest } from './consent.ts';
import { type RestoreRequest, type State, step } from './define.ts';
import { openConfigured } from './repository.ts';
import { destinationOf, planRestore, pointJob, type RestorePlan } from './restore-plan.ts';
import {
  createdLog,
  makeDestination,
  type Notes,
  openStaging,
  readNotes,
  removeStaging,
  type Staging,
  stageOf,
  stagingIn,
  undoStaging,
  writeNotes,
} from './restore-stage.ts';

export const lookAtDestination = step({
  id: 'destination',
  title: 'Look at the place to restore to',
  needs: ['restoreRequest'],
  gives: ['destination'],
  timeout: '10m',
  run: async ({ state: { restoreRequest } }) => ({ destination: await destinationOf(restoreRequest.directory) }),
});

export const restoreCleanups = {
  async undo({ staging }: { staging: Staging }, { host, signal }: CleanupContext): Promise<void> {
    await undoStaging(host, staging, signal);
  },
};

type Restoring = Pick<State, 'config' | 'point' | 'restoreRequest' | 'destination'>;

export const restoreFiles = step({
  id: 'files',
  title: 'Restore the files that differ',
  needs: ['config', 'point', 'restoreRequest', 'destination'],
  gives: ['restored'],
  destructive: true,
  timeout: '7d',
  cleanups: restoreCleanups,
  run: async (context) => await restoring(context),
});

/** All that the step does; others bring files back, too. */
export async function restoring({
  state,
  runId,
  host,
  onUndo,
  ask,
  say,
  secrets,
  signal,
}: StepContext<Restoring, typeof restoreCleanups>): Promise<Pick<State, 'restored'>> {
  const { config, point, restoreRequest: request } = state;
  const { directory } = state.destination;
  await using repository = await openConfigured(config, { say, secrets }, signal);
  const nothingYet: Staging = { directory, made: state.destination.made, pointId: point.id, crossings: [] };
  const notes = await readNotes(nothingYet);
  const made = nothingYet.made || notes?.made === true;
  say({ type: 'note', text: `comparing the point with ${directory}` });
  const plan = await planRestore(repository, point, request, { directory, made }, signal);
  const { comparison, destruction } = plan;
  // What filesystems that were made just now have in them is what their tools and the way to them put there.
  const isOurs = request.machine === 'made' || agreedBefore(notes, plan, runId, request);
  if (!isOurs) await agree(destruction, { yes: request.yes, ask }, signal);

  const staging: Staging = { ...nothingYet, made, crossings: comparison.crossings };
  await onUndo('undo', { staging });
  const digest = consentDigest(destruction.identity);
  const agreed: Notes = { run: runId, digest, made, agreed: plan.items };
  if (made) await makeDestination(staging, agreed);
  const findings = new Findings();
  for (const { subject, problem } of plan.findings) findings.add(subject, problem);
  let kept = 0;
  let placed: Placed;
  let attributes: number;
  {
    await using _lock = await openStaging(staging);
    await writeNotes(staging, agreed);
    using created = createdLog(staging);
    try {
      const report = await make();
      kept = report.kept;
      const placing = {
        directory,
        stage: stageOf(staging),
        staged: report.staged,
        comparison,
        findings,
        onCreate: (path: string, staged: BigIntStats) => created.note(path, staged),
      };
      if (destruction.items.length > 0) await sync(host, staging, signal);
      const { kept: unplaced } = (placed = await place(placing, signal));
      // What was agreed to is written in there, and holds until all of it is done.
      const letGo = async () => (unplaced === 0 ? await removeStaging(host, staging, signal) : undefined);
      attributes = await finishAttributes(placing, letGo, signal);
    } catch (error) {
      say({ type: 'note', text: `what was restored so far is kept in ${stagingIn(directory, point.id)}` });
      throw error;
    }
  }
  for (const finding of findings.list()) say({ type: 'finding', ...finding });
  return {
    restored: { directory, ...countsOf(comparison, placed), attributes, kept, reread: request.reread ?? false },
  };

  /** What is new or different, in the stage. */
  async function make(): Promise<RestoreReport> {
    const report = await repository.engine.restore(
      {
        ...pointJob(repository, point),
        paths: [],
        only: (path) => plan.selection.has(path) && isStaged(comparison, path),
        ...stageOf(staging),
        ...(request.owners ? { owners: request.owners } : {}),
        reread: request.reread ?? false,
        onProgress: ({ doneBytes, totalBytes }) => {
          say({ type: 'progress', done: doneBytes, unit: 'bytes', ...(totalBytes ? { total: totalBytes } : {}) });
        },
      },
      signal,
    );
    for (const { subject, problem } of report.findings) findings.add(subject, problem);
    return report;
  }
}

function isStaged(comparison: Comparison, path: string): boolean {
  const change = changeOf(comparison, path);
  return change !== undefined && change.action !== 'attributes' && change.link === undefined;
}

/** Going on with what somebody agreed to needs no second answer, as long as nothing else would be lost. */
function agreedBefore(
  notes: Notes | undefined,
  { items }: RestorePlan,
  runId: string,
  { yes }: RestoreRequest,
): boolean {
  if (notes === undefined || !(notes.run === runId || notes.digest === yes)) return false;
  const agreed = new Set(notes.agreed);
  return items.every((item) => agreed.has(item));
}

/** So that after a power cut too the old file or the whole new one stands under its name. */
async function sync(host: Host, staging: Staging, signal: AbortSignal): Promise<void> {
  const { directory, elsewhere } = stageOf(staging);
  const places = [directory, ...elsewhere.map((one) => one.directory)];
  await host.run(['sync', '--file-system', ...places], {}, signal);
}

/** What was done, and what there was no need to do. */
function countsOf({ same, untouched }: Comparison, { created, replaced, bytes }: Placed) {
  return { created, replaced, same, untouched, bytes };
}
