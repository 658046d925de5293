/** A workflow unrolled: its steps and the site's drop-ins in the order in which a run goes through them. */
import { LifeboatError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { parseDuration } from '../kernel/units.ts';
import { type Hook, type HookMoment, hookStep } from './hooks.ts';
import type { Step } from './step.ts';
import { checkWorkflow, placedSteps, type Workflow } from './workflow.ts';

export interface Unit {
  /** `<stage>.<step>`, or `<stage>.before/<drop-in>`. */
  readonly id: string;
  readonly stage: string;
  readonly kind: 'step' | 'drop-in';
  /** Of a drop-in. */
  readonly moment?: HookMoment;
  readonly step: Step;
  readonly skipped: boolean;
  readonly timeoutMs: number;
  readonly retries: number;
}

/** What a site's configuration says about steps, by their full names. */
export interface Settings {
  readonly skip: readonly string[];
  /** Time limits as durations. */
  readonly limits: Readonly<Record<string, string>>;
  readonly retries: Readonly<Record<string, number>>;
}

export const noSettings: Settings = { skip: [], limits: {}, retries: {} };

const DEFAULT_TIMEOUT = '24h';

/** @throws LifeboatError `workflow-invalid` when it cannot work with these settings */
export function unitsOf(workflow: Workflow, hooks: readonly Hook[], settings: Settings): Unit[] {
  const skip = new Set(settings.skip);
  checkWorkflow(workflow, skip);
  const steps = placedSteps(workflow);
  const hookUnits = (stage: string, moment: Hook['moment']): Unit[] =>
    hooks
      .filter((hook) => hook.stage === stage && hook.moment === moment)
      .map((hook) => ({
        ...unit(`${stage}.${moment}/${hook.name}`, stage, 'drop-in', hookStep(hook), settings, skip),
        moment,
      }));
  return workflow.stages.flatMap(({ name }) => [
    // What is owed is carried out in reverse order, and drop-ins run in the order of their names.
    ...hookUnits(name, 'end').reverse(),
    ...hookUnits(name, 'before'),
    ...steps.filter(({ stage }) => stage === name).map(({ id, step }) => unit(id, name, 'step', step, settings, skip)),
    ...hookUnits(name, 'after'),
  ]);
}

function unit(
  id: string,
  stage: string,
  kind: Unit['kind'],
  step: Step,
  settings: Settings,
  skip: ReadonlySet<string>,
): Unit {
  return {
    id,
    stage,
    kind,
    step,
    skipped: skip.has(id),
    timeoutMs: parseDuration(settings.limits[id] ?? step.timeout ?? DEFAULT_TIMEOUT),
    retries: settings.retries[id] ?? step.retries ?? 0,
  };
}

/** Whether this is, or was, a drop-in at the end of a stage: these come and go, also while a run owes one. */
export function isEndDropIn(id: string): boolean {
  return /^[^.]+\.end\//.test(id);
}

/**
 * Refuses settings for steps that no workflow has: a misspelt `skip` would otherwise be silently without effect.
 *
 * @throws LifeboatError `config-invalid`
 */
export function checkSettings(settings: Settings, workflows: readonly Workflow[]): void {
  const [id] = unknownSteps(settings, workflows);
  if (id === undefined) return;
  const known = workflows.flatMap((item) => placedSteps(item).map((step) => step.id));
  const meant = nearest(id, known);
  throw new LifeboatError('config-invalid', `no workflow has a step ${JSON.stringify(id)}`, {
    hint: `${meant === undefined ? '' : `Did you mean ${meant}? `}Known steps: ${[...new Set(known)].sort().join(', ')}.`,
  });
}

/** Ids in settings that are neither steps of these workflows nor drop-ins of their stages, which come and go. */
export function unknownSteps(settings: Settings, workflows: readonly Workflow[]): string[] {
  const steps = new Set(workflows.flatMap((item) => placedSteps(item).map(({ id }) => id)));
  const stages = new Set(workflows.flatMap((item) => item.stages.map(({ name }) => name)));
  const isDropIn = (id: string) => stages.has(/^([^.]+)\.(?:before|after|end)\/./.exec(id)?.[1] ?? '');
  const named = [...settings.skip, ...Object.keys(settings.limits), ...Object.keys(settings.retries)];
  return named.filter((id) => !steps.has(id) && !isDropIn(id));
}
