/**
 * Drop-ins: a site's executables in `hooks.d/<workflow>/<stage>.{before,after,end}.d/NN-name`, in the order of the names.
 *
 * Those before and after a stage get the state as JSON on stdin; a non-zero exit stops the stage. Those at its end run
 * however the stage ended, once its first drop-in or step was begun: when a later one failed, on an interrupt, and on
 * resume after a kill. So what a *before* stops, an *end* starts again.
 */
import { anyCode } from '../host/any-code.ts';
import { access, constants, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { checkTrusted } from '../host/trusted.ts';
import { asLifeboatError, hasErrno, LifeboatError } from '../kernel/errors.ts';
import { stepsOf } from './define.ts';
import type { CleanupContext, Step } from './step.ts';
import type { Workflow } from './workflow.ts';

export type HookMoment = 'before' | 'after' | 'end';

const moments: readonly HookMoment[] = ['before', 'after', 'end'];

export interface Hook {
  readonly stage: string;
  readonly moment: HookMoment;
  readonly name: string;
  readonly path: string;
}

/**
 * The drop-ins of a workflow, in order. A folder that is not there holds none.
 *
 * @throws LifeboatError `untrusted` for one that others could have written; `hook-failed` for one that is not executable
 */
export async function findHooks(hooksDir: string | undefined, workflow: Workflow): Promise<Hook[]> {
  if (hooksDir === undefined) return [];
  const hooks: Hook[] = [];
  for (const { name: stage } of workflow.stages) {
    for (const moment of moments) {
      const folder = join(hooksDir, workflow.name, `${stage}.${moment}.d`);
      for (const name of await namesIn(folder)) {
        const path = join(folder, name);
        if (!(await stat(path)).isFile()) continue;
        await checkTrusted(path);
        await checkExecutable(path);
        hooks.push({ stage, moment, name, path });
      }
    }
  }
  await refuseMisplaced(hooksDir, workflow);
  return hooks;
}

/** Names that begin with a dot or end with `~` are what editors and package tools leave behind. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => !name.startsWith('.') && !name.endsWith('~')).sort();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return [];
    throw asLifeboatError(error);
  }
}

async function checkExecutable(path: string): Promise<void> {
  try {
    await access(path, constants.X_OK);
  } catch (cause) {
    throw new LifeboatError('hook-failed', `the drop-in ${path} is not executable`, {
      hint: `Run chmod +x on it, or move it out of the folder.`,
      cause,
    });
  }
}

/** A folder for a stage that does not exist would never run, and nobody would notice. */
async function refuseMisplaced(hooksDir: string, workflow: Workflow): Promise<void> {
  const known = new Set(workflow.stages.flatMap(({ name }) => moments.map((moment) => `${name}.${moment}.d`)));
  for (const name of await namesIn(join(hooksDir, workflow.name))) {
    if (known.has(name)) continue;
    throw new LifeboatError('hook-failed', `${join(hooksDir, workflow.name, name)} belongs to no stage`, {
      hint: `The folders of this workflow are: ${[...known].join(', ')}.`,
    });
  }
}

/** Drop-ins name no keys of the state. */
const step = stepsOf<Record<string, string>>();

/** A drop-in as a step, so that journal, time limit, events and dry run treat it like any other. */
export function hookStep(hook: Hook): Step {
  return hook.moment === 'end' ? endStep(hook) : stateStep(hook);
}

function stateStep(hook: Hook): Step {
  return {
    id: hook.name,
    title: `Drop-in ${hook.name} (${hook.moment} ${hook.stage})`,
    needs: [],
    gives: [],
    timeout: '1h',
    run: async (context) => {
      await runHook(hook, context.host, context.state, {}, context.signal);
      return {};
    },
  };
}

/** The first in its stage: it owes the drop-in from there on. The engine carries that out when the stage is over. */
function endStep(hook: Hook): Step {
  return step({
    id: hook.name,
    title: `Have drop-in ${hook.name} run at the end of ${hook.stage}, however it ends`,
    needs: [],
    gives: [],
    timeout: '1m',
    cleanups: {
      async run({ runId }: { runId: string }, { host, outcome, signal }: CleanupContext) {
        const input = { run: runId, stage: hook.stage, outcome };
        await runHook(hook, host, input, { LIFEBOAT_OUTCOME: outcome, LIFEBOAT_RUN: runId }, signal);
      },
    },
    run: async ({ runId, atEnd }) => {
      // Found out now, while nothing is stopped that only this drop-in would start.
      await checkTrusted(hook.path);
      await atEnd('run', { runId });
      return {};
    },
  });
}

async function runHook(
  hook: Hook,
  host: Host,
  input: unknown,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  await checkTrusted(hook.path);
  const result = await host.run(
    [hook.path],
    {
      stdin: Buffer.from(JSON.stringify(input)),
      env: { LIFEBOAT_STAGE: hook.stage, LIFEBOAT_MOMENT: hook.moment, ...env },
      okCodes: anyCode,
      timeoutMs: 24 * 3_600_000,
    },
    signal,
  );
  if (result.code === 0) return;
  throw new LifeboatError('hook-failed', `the drop-in ${hook.path} ended with exit code ${result.code}`, {
    hint: result.stderr.trim() === '' ? 'It printed no reason.' : `It said: ${result.stderr.trim().slice(-2000)}`,
  });
}
