/** A workflow: a typed list of stages and steps that an administrator can read, and the check that it can work. */
import { LifeboatError } from '../kernel/errors.ts';
import { parseDuration } from '../kernel/units.ts';
import type { Step } from './step.ts';

export interface Stage {
  readonly name: string;
  readonly steps: readonly Step[];
}

export interface Workflow {
  readonly name: string;
  /** What it is for, in one line. */
  readonly title: string;
  /** Keys of the state that are given when a run is started. */
  readonly inputs: readonly string[];
  readonly stages: readonly Stage[];
}

/** A step at its place in a workflow. */
export interface PlacedStep {
  /** `<stage>.<step>` */
  readonly id: string;
  readonly stage: string;
  readonly step: Step;
}

const name = /^[a-z][a-z0-9-]*$/;

export function stage(stageName: string, steps: readonly Step[]): Stage {
  return { name: stageName, steps };
}

/**
 * Checks and returns a workflow.
 *
 * @throws LifeboatError `workflow-invalid`: a step needs what no earlier step gives, a name stands twice, …
 */
export function workflow(definition: Workflow): Workflow {
  checkWorkflow(definition, new Set());
  return definition;
}

/** Every step in order. */
export function placedSteps(definition: Workflow): PlacedStep[] {
  return definition.stages.flatMap((item) =>
    item.steps.map((step) => ({ id: `${item.name}.${step.id}`, stage: item.name, step })),
  );
}

/**
 * Refuses a workflow that cannot work when the steps in `skip` are left out.
 *
 * @throws LifeboatError `workflow-invalid`
 */
export function checkWorkflow(definition: Workflow, skip: ReadonlySet<string>): void {
  const refuse = (problem: string, hint?: string): never => {
    throw new LifeboatError('workflow-invalid', `workflow ${definition.name}: ${problem}`, { hint });
  };
  const given = new Map(definition.inputs.map((key) => [key, 'an input']));
  const seen = new Set<string>();
  const stages = new Set<string>();
  for (const item of definition.stages) {
    if (!name.test(item.name)) refuse(`not a name for a stage: ${JSON.stringify(item.name)}`);
    if (stages.has(item.name)) refuse(`stage ${item.name} stands twice`);
    stages.add(item.name);
  }
  const skippedGiver = new Map<string, string>();
  for (const { id, step } of placedSteps(definition)) {
    if (!name.test(step.id)) refuse(`not a name for a step: ${JSON.stringify(step.id)}`);
    if (seen.has(id)) refuse(`step ${id} stands twice`);
    seen.add(id);
    if (step.timeout !== undefined) parseDuration(step.timeout);
    if (skip.has(id)) {
      for (const key of step.gives) skippedGiver.set(key, id);
      continue;
    }
    for (const key of step.needs) {
      if (given.has(key)) continue;
      const giver = skippedGiver.get(key);
      if (giver) refuse(`step ${id} needs "${key}" of ${giver}, which is skipped`, `Take ${giver} out of "skip".`);
      refuse(`step ${id} needs "${key}", which no earlier step gives`);
    }
    for (const key of step.gives) given.set(key, id);
  }
}
