/**
 * Drop-ins: a site's executables in `hooks.d/<workflow>/<stage>.{before,after}.d/NN-name`. Each gets the state as JSON
 * on stdin, in the order of the names; a non-zero exit stops the stage.
 */
import { access, constants, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from '../host/host.ts';
import { checkTrusted } from '../host/trusted.ts';
import { asLifeboatError, hasErrno, LifeboatError } from '../kernel/errors.ts';
import type { Step } from './step.ts';
import type { Workflow } from './workflow.ts';

export type HookMoment = 'before' | 'after';

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
    for (const moment of ['before', 'after'] as const) {
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
  const known = new Set(workflow.stages.flatMap(({ name }) => [`${name}.before.d`, `${name}.after.d`]));
  for (const name of await namesIn(join(hooksDir, workflow.name))) {
    if (known.has(name)) continue;
    throw new LifeboatError('hook-failed', `${join(hooksDir, workflow.name, name)} belongs to no stage`, {
      hint: `The folders of this workflow are: ${[...known].join(', ')}.`,
    });
  }
}

/** A drop-in as a step, so that journal, time limit, events and dry run treat it like any other. */
export function hookStep(hook: Hook): Step {
  return {
    id: hook.name,
    title: `Drop-in ${hook.name} (${hook.moment} ${hook.stage})`,
    needs: [],
    gives: [],
    timeout: '1h',
    run: async (context) => {
      await checkTrusted(hook.path);
      await runHook(hook, context.host, context.state, context.signal);
      return {};
    },
  };
}

async function runHook(hook: Hook, host: Host, state: unknown, signal: AbortSignal): Promise<void> {
  const result = await host.run(
    [hook.path],
    {
      stdin: Buffer.from(JSON.stringify(state)),
      env: { LIFEBOAT_STAGE: hook.stage, LIFEBOAT_MOMENT: hook.moment },
      okCodes: Array.from({ length: 256 }, (_, code) => code),
      timeoutMs: 24 * 3_600_000,
    },
    signal,
  );
  if (result.code === 0) return;
  throw new LifeboatError('hook-failed', `the drop-in ${hook.path} ended with exit code ${result.code}`, {
    hint: result.stderr.trim() === '' ? 'It printed no reason.' : `It said: ${result.stderr.trim().slice(-2000)}`,
  });
}
