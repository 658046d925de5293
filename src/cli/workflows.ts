/** Finding workflows: those that come with lifeboat, and a site's own `*.ts` beside the configuration. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { registerHooks } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { workflows } from '../../workflows/list.ts';
import { loadConfig } from '../config/load.ts';
import { checkTrusted } from '../host/trusted.ts';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import type { WorkflowFinder } from '../workflow/runs.ts';
import { checkSettings, noSettings, type Settings, unknownSteps } from '../workflow/units.ts';
import { checkWorkflow, type Workflow } from '../workflow/workflow.ts';
import type { Globals } from './globals.ts';
import { settingsOf } from './session.ts';

export interface FoundWorkflow {
  readonly workflow: Workflow;
  /** Where a site's own lies. */
  readonly file?: string;
}

/** @throws LifeboatError `untrusted`, `workflow-invalid` for a site's workflow that must not or cannot be loaded */
export async function allWorkflows(globals: Pick<Globals, 'config'>): Promise<FoundWorkflow[]> {
  const folder = join(dirname(resolve(globals.config)), 'workflows');
  const names = await readdir(folder).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });
  const files = names.filter((name) => /\.(ts|js|mjs)$/.test(name) && !name.startsWith('.')).sort();
  const site = await Promise.all(files.map((name) => loadSiteWorkflow(join(folder, name))));
  const builtIn = workflows.map((workflow) => ({ workflow }));
  const clash = site.find(({ workflow }) => workflows.some(({ name }) => name === workflow.name));
  if (clash) {
    throw new LifeboatError(
      'workflow-invalid',
      `${clash.file} has the name of a built-in workflow: ${clash.workflow.name}`,
    );
  }
  return [...builtIn, ...site];
}

export async function findWorkflow(globals: Pick<Globals, 'config'>, name: string): Promise<FoundWorkflow> {
  const all = await allWorkflows(globals);
  const found = all.find(({ workflow }) => workflow.name === name);
  if (found) return found;
  throw new LifeboatError('usage', `there is no workflow ${JSON.stringify(name)}`, {
    hint: `There are: ${all.map(({ workflow }) => workflow.name).join(', ')}.`,
  });
}

/** For runs that are resumed: the workflow by its name, or out of the file that the journal names. */
export function workflowFinder(globals: Pick<Globals, 'config'>): WorkflowFinder {
  return async (name, file) =>
    file === undefined ? (await findWorkflow(globals, name)).workflow : (await loadSiteWorkflow(file)).workflow;
}

/** Runs can be resumed where there is no configuration (any more): what they need of it is in their journal. */
export async function settingsIfConfigured(globals: Pick<Globals, 'config'>): Promise<Settings> {
  return existsSync(globals.config) ? settingsOf(await loadConfig(resolve(globals.config))) : noSettings;
}

/**
 * Refuses settings for steps that there are not. A site's own workflows are loaded only where they could be meant: one
 * that is broken must not keep a backup from being made.
 *
 * @throws LifeboatError `config-invalid`; `untrusted`, `workflow-invalid` of a site's workflow
 */
export async function checkStepNames(globals: Pick<Globals, 'config'>, settings: Settings): Promise<void> {
  if (unknownSteps(settings, workflows).length === 0) return;
  checkSettings(
    settings,
    (await allWorkflows(globals)).map(({ workflow }) => workflow),
  );
}

/** What can be checked of a module whose types were stripped; what steps give is checked when they run. */
const moduleSchema = z.object({
  default: z.object({
    name: z.string(),
    title: z.string(),
    inputs: z.array(z.string()),
    stages: z.array(
      z.object({
        name: z.string(),
        steps: z.array(
          z.object({
            id: z.string(),
            title: z.string(),
            needs: z.array(z.string()),
            gives: z.array(z.string()),
            destructive: z.boolean().exactOptional(),
            timeout: z.string().exactOptional(),
            retries: z.number().int().nonnegative().exactOptional(),
            cleanups: z
              .record(
                z.string(),
                z.custom<never>((value) => typeof value === 'function'),
              )
              .exactOptional(),
            run: z.custom<Workflow['stages'][number]['steps'][number]['run']>((value) => typeof value === 'function'),
          }),
        ),
      }),
    ),
  }),
});

async function loadSiteWorkflow(file: string): Promise<FoundWorkflow> {
  await checkTrusted(file);
  resolveOwnSteps();
  const module: unknown = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    if (cause instanceof LifeboatError) throw cause;
    throw new LifeboatError(
      'workflow-invalid',
      `${file} cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: 'Types are stripped, not compiled: no enums, namespaces or parameter properties.',
        cause,
      },
    );
  });
  const parsed = moduleSchema.safeParse(module);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new LifeboatError('workflow-invalid', `${file}: ${issue?.path.join('.')}: ${issue?.message}`, {
      hint: 'Its default export must be what workflow({…}) returns.',
    });
  }
  const workflow: Workflow = parsed.data.default;
  checkWorkflow(workflow, new Set());
  return { workflow, file };
}

let resolving = false;

/** A site's workflow lies outside of any node_modules; this lets it import `lifeboat/steps` all the same. */
function resolveOwnSteps(): void {
  if (resolving) return;
  resolving = true;
  const steps = new URL(`../steps/index${extname(import.meta.url)}`, import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'lifeboat/steps' ? { url: steps, shortCircuit: true } : next(specifier, context),
  });
}
