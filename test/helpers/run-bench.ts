/** Runs of small workflows in a state directory of their own, with the real host and everything they tell. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noSecrets } from '../../src/kernel/secret.ts';
import { localHost } from '../../src/host/local.ts';
import type { Json } from '../../src/kernel/json.ts';
import type { RunEvent } from '../../src/workflow/events.ts';
import { resumeRun, type RunContext, type RunOutcome, startRun, undoRun } from '../../src/workflow/runs.ts';
import { noSettings } from '../../src/workflow/units.ts';
import type { Cleanups, Step, StepContext } from '../../src/workflow/step.ts';
import { stage, type Workflow, workflow } from '../../src/workflow/workflow.ts';
import { temporaryDirectory } from './temporary.ts';

export interface RunBench extends AsyncDisposable {
  readonly path: string;
  readonly context: RunContext;
  /** Of all runs, in order. */
  readonly events: RunEvent[];
  start(workflow: Workflow, inputs?: Record<string, Json>, more?: More): Promise<RunOutcome>;
  /** Of the only run there is, as the next ones too. */
  resume(workflow: Workflow, more?: More): Promise<RunOutcome>;
  undo(workflow: Workflow): Promise<RunOutcome>;
  id(): Promise<string>;
  journalPath(): Promise<string>;
  /** Records of the journal, read without lifeboat's own reader. */
  records(): Promise<Record<string, unknown>[]>;
}

type More = Partial<RunContext> & { readonly signal?: AbortSignal };

export async function runBench(): Promise<RunBench> {
  const directory = await temporaryDirectory();
  const host = localHost();
  const events: RunEvent[] = [];
  const stateDir = join(directory.path, 'state');
  await mkdir(stateDir);
  const context: RunContext = {
    stateDir,
    hooksDir: join(directory.path, 'hooks.d'),
    host,
    secrets: noSecrets,
    settings: noSettings,
    openEvents: async () => ({ emit: (event) => events.push(event), [Symbol.asyncDispose]: async () => {} }),
    ask: async ({ id }) => `answer to ${id}`,
    version: 'test',
    now: () => new Date(),
  };
  const never = new AbortController().signal;
  const id = async () => {
    const [first, ...others] = await readdir(join(stateDir, 'runs'));
    if (first === undefined || others.length > 0) throw new Error('not exactly one run');
    return first;
  };
  const journalPath = async () => join(stateDir, 'runs', await id(), 'journal.ndjson');
  return {
    path: directory.path,
    context,
    events,
    start: (workflow, inputs = {}, { signal = never, ...more } = {}) =>
      startRun(workflow, inputs, { ...context, ...more }, signal),
    resume: async (workflow, { signal = never, ...more } = {}) =>
      resumeRun(await id(), async () => workflow, { ...context, ...more }, signal),
    undo: async (workflow) => undoRun(await id(), async () => workflow, context),
    id,
    journalPath,
    records: async () => {
      const lines = (await readFile(await journalPath(), 'utf8')).split('\n').slice(0, -1);
      return lines.map((line) => JSON.parse(line));
    },
    [Symbol.asyncDispose]: async () => {
      await host[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** What a step's `run` is given, without the types that a step of ours gets. */
export interface LooseContext
  extends Omit<StepContext<Record<string, unknown>, Cleanups>, 'atEnd' | 'onFailure' | 'onUndo'> {
  readonly atEnd: (cleanup: string, args: unknown) => Promise<void>;
  readonly onFailure: (cleanup: string, args: unknown) => Promise<void>;
  readonly onUndo: (cleanup: string, args: unknown) => Promise<void>;
}

/** A step as a site's own is when it is loaded: nothing was checked by the compiler. */
export function looseStep(id: string, run: (context: LooseContext) => unknown, more: Partial<Step> = {}): Step {
  const untyped = Object.assign(Object.create(null), { run });
  return { id, title: `Do ${id}`, needs: [], gives: [], ...more, run: untyped.run };
}

export function oneStage(...steps: readonly Step[]): Workflow {
  return workflow({ name: 'toy', title: 'Toy', inputs: ['input'], stages: [stage('s', steps)] });
}
