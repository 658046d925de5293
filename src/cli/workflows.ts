/** Finding workflows: those that come with lifeboat, and a site's own `*.ts` beside the configuration. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { workflows } from '../../workflows/list.ts';
import { loadConfig } from '../config/load.ts';
import { hasErrno, LifeboatError } from '../kernel/errors.ts';
import type { WorkflowFinder } from '../workflow/runs.ts';
import { checkSettings, noSettings, type Settings, unknownSteps } from '../workflow/units.ts';
import type { Workflow } from '../workflow/workflow.ts';
import type { Globals } from './globals.ts';
import { settingsOf } from './session.ts';
import { loadSiteWorkflow } from './site-workflow.ts';

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
  const paths = files.map((name) => join(folder, name));
  const site = await Promise.all(paths.map(async (file) => ({ file, workflow: await loadSiteWorkflow(file) })));
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
    file === undefined ? (await findWorkflow(globals, name)).workflow : loadSiteWorkflow(file);
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
