/** Starting, resuming and undoing runs, and the plan of one that is not carried out. */
import type { Host } from '../host/host.ts';
import { lockFile } from '../host/file-lock.ts';
import { writeFileAtomic } from '../kernel/atomic-write.ts';
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Json } from '../kernel/json.ts';
import type { SecretSource } from '../kernel/secret.ts';
import type { Emit, RunEvent, RunStatus } from './events.ts';
import { cleanupOf, Execution } from './execution.ts';
import { findHooks } from './hooks.ts';
import { Journal, JOURNAL_FORMAT } from './journal.ts';
import type { Owed } from './replay.ts';
import type { Ask } from './step.ts';
import { makeRunDirectory, readRun, reportOf, type RunPaths, type RunReport, runPaths } from './store.ts';
import { isEndDropIn, type Settings, type Unit, unitsOf } from './units.ts';
import type { Workflow } from './workflow.ts';

export interface RunContext {
  readonly stateDir: string;
  /** Where drop-ins are looked for; none when undefined. */
  readonly hooksDir?: string;
  readonly host: Host;
  readonly secrets: SecretSource;
  readonly settings: Settings;
  /** Called for each run with where its log may be written; gives the sink of its events. */
  readonly openEvents: (paths: RunPaths) => Promise<EventSink>;
  readonly ask: Ask;
  readonly version: string;
  readonly now: () => Date;
}

export interface EventSink extends AsyncDisposable {
  readonly emit: Emit;
}

/** A report with what the steps gave, for the command that started the run. */
export interface RunOutcome {
  readonly report: RunReport;
  readonly state: Readonly<Record<string, Json>>;
  /** Why it failed; `undefined` when it did not. */
  readonly error: LifeboatError | undefined;
}

export interface PlannedUnit {
  readonly id: string;
  readonly title: string;
  readonly kind: Unit['kind'];
  readonly skipped: boolean;
  readonly destructive: boolean;
  readonly needs: readonly string[];
  readonly gives: readonly string[];
  readonly timeoutMs: number;
}

/** What a run would do, in order. Touches nothing. */
export async function planRun(
  workflow: Workflow,
  context: Pick<RunContext, 'hooksDir' | 'settings'>,
): Promise<PlannedUnit[]> {
  const units = unitsOf(workflow, await findHooks(context.hooksDir, workflow), context.settings);
  return units.map(({ id, kind, skipped, step, timeoutMs }) => ({
    id,
    title: step.title,
    kind,
    skipped,
    destructive: step.destructive ?? false,
    needs: step.needs,
    gives: step.gives,
    timeoutMs,
  }));
}

/**
 * Runs a workflow.
 *
 * @param file where a site's workflow was loaded from, so that it can be resumed
 * @throws LifeboatError only when the run could not begin; what fails later is in the outcome
 */
export async function startRun(
  workflow: Workflow,
  inputs: Readonly<Record<string, Json>>,
  context: RunContext,
  signal: AbortSignal,
  file?: string,
): Promise<RunOutcome> {
  const missing = workflow.inputs.find((key) => !Object.hasOwn(inputs, key));
  if (missing !== undefined) {
    throw new LifeboatError('usage', `the workflow ${workflow.name} needs the input "${missing}"`, {
      hint: `Give it as --input ${missing}=JSON.`,
    });
  }
  const units = unitsOf(workflow, await findHooks(context.hooksDir, workflow), context.settings);
  const id = newId(context.now());
  const paths = await makeRunDirectory(context.stateDir, id);
  await using _lock = await locked(paths, id);
  await using journal = await Journal.create(paths.journal, context.now);
  await journal.append({
    type: 'run',
    format: JOURNAL_FORMAT,
    id,
    workflow: workflow.name,
    ...(file === undefined ? {} : { file }),
    version: context.version,
    inputs,
  });
  return await conduct({ workflow, units, id, paths, journal, context }, (execution) => execution.proceed(signal));
}

/**
 * Goes on with a run that failed, was interrupted or was killed: finished steps are not repeated.
 *
 * @throws LifeboatError `not-found`; `locked` while a process works on it; `usage` when there is nothing to resume
 */
export async function resumeRun(
  id: string,
  workflowOf: WorkflowFinder,
  context: RunContext,
  signal: AbortSignal,
): Promise<RunOutcome> {
  return reopen(id, workflowOf, context, (execution) => execution.resume(signal));
}

/** Carries out what is owed of a run that did not end well, and closes it: its deeds are undone in reverse order. */
export async function undoRun(id: string, workflowOf: WorkflowFinder, context: RunContext): Promise<RunOutcome> {
  return reopen(id, workflowOf, context, async (execution) => {
    await execution.undoAll();
    return execution.failure ? 'failed' : 'undone';
  });
}

/** The workflow that a journal names. */
export type WorkflowFinder = (name: string, file: string | undefined) => Promise<Workflow>;

async function reopen(
  id: string,
  workflowOf: WorkflowFinder,
  context: RunContext,
  work: (execution: Execution) => Promise<RunStatus>,
): Promise<RunOutcome> {
  const paths = runPaths(context.stateDir, id);
  const { progress: before } = await readRun(context.stateDir, id);
  await using _lock = await locked(paths, id);
  // Read again under the lock: another process may have gone on in between.
  const { progress, validBytes } = await readRun(context.stateDir, id);
  if (progress.status === 'done' || progress.status === 'incomplete' || progress.status === 'undone') {
    throw new LifeboatError('usage', `the run ${id} has ended (${progress.status}): there is nothing to resume`);
  }
  const workflow = await workflowOf(before.run.workflow, before.run.file);
  const units = unitsOf(workflow, await findHooks(context.hooksDir, workflow), context.settings);
  const gone = progress.owed.filter(({ step }) => isEndDropIn(step) && !units.some(({ id: known }) => known === step));
  // Refused before anything is done: half of a clean-up could not be taken back.
  for (const owed of progress.owed) if (!gone.includes(owed)) cleanupOf(units, owed);
  await using journal = await Journal.reopen(paths.journal, validBytes, context.now);
  await journal.append({ type: 'resume' });
  for (const { ref } of gone) await journal.append({ type: 'cleaned', ref });
  const left = progress.status ?? 'killed';
  return await conduct({ workflow, units, id, paths, journal, context, before: left, gone }, work);
}

interface Conducted {
  readonly workflow: Workflow;
  readonly units: readonly Unit[];
  readonly id: string;
  readonly paths: RunPaths;
  readonly journal: Journal;
  readonly context: RunContext;
  /** How an earlier process left the run. */
  readonly before?: 'failed' | 'interrupted' | 'killed';
  /** Drop-ins that it owed and that somebody removed: nobody can run them, so the run goes on without. */
  readonly gone?: readonly Owed[];
}

async function conduct(
  { workflow, units, id, paths, journal, context, before, gone = [] }: Conducted,
  work: (execution: Execution) => Promise<RunStatus>,
): Promise<RunOutcome> {
  await using events = await context.openEvents(paths);
  const emit = (event: RunEvent) => events.emit(event);
  const started = context.now().getTime();
  const { host, secrets, ask, now, stateDir } = context;
  const { progress } = await readRun(stateDir, id);
  const surroundings = { runId: id, units, host, secrets, journal, emit, ask, now };
  const execution = new Execution(before ? { ...surroundings, before } : surroundings, progress);
  const resumed = before !== undefined;
  emit({ type: 'run-started', run: id, workflow: workflow.name, title: workflow.title, steps: units.length, resumed });
  for (const { step } of gone) {
    const problem = 'this drop-in was owed and is no longer there: what it would have started again is left to you';
    emit({ type: 'step-said', step, message: { type: 'finding', subject: step, problem } });
  }
  const status = await work(execution);
  const ms = now().getTime() - started;
  await resumable(id, () => journal.append({ type: 'done', status, ms }));
  const report = reportOf((await readRun(stateDir, id)).progress, status);
  await writeFileAtomic(paths.report, `${JSON.stringify(report, null, 2)}\n`);
  emit({ type: 'run-finished', run: id, status, ms });
  return { report, state: execution.state, error: execution.failure };
}

/** A journal that cannot be written leaves a run open, whose id somebody must then know. */
async function resumable(id: string, append: () => Promise<void>): Promise<void> {
  try {
    await append();
  } catch (cause) {
    const { code, message, hint } = asLifeboatError(cause);
    const next = `Afterwards: lifeboat runs resume ${id}, which goes on with it, or with --undo cleans up after it.`;
    throw new LifeboatError(code, message, { hint: hint === undefined ? next : `${hint} ${next}`, cause });
  }
}

async function locked(paths: RunPaths, id: string): Promise<AsyncDisposable> {
  const lock = await lockFile(paths.lock);
  if (lock) return lock;
  throw new LifeboatError('locked', `another process works on the run ${id}`, {
    hint: `See lifeboat runs show ${id}.`,
  });
}
