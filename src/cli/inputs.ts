import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import type { Json } from '../kernel/json.ts';
import type { Workflow } from '../workflow/workflow.ts';

/** `key=JSON`, as `--input` takes it. @throws LifeboatError `usage` */
export function parseInputs(inputs: readonly string[]): Record<string, Json> {
  return Object.fromEntries(inputs.map(parseInput));
}

function parseInput(text: string): [string, Json] {
  const [, key, value] = /^([A-Za-z]\w*)=(.*)$/s.exec(text) ?? [];
  try {
    if (key !== undefined && value !== undefined) return [key, z.json().parse(JSON.parse(value))];
  } catch (cause) {
    throw new LifeboatError('usage', `the value of --input ${key} is not JSON: ${value}`, {
      hint: `Quote a string for the shell and for JSON: --input '${key}="web1"'.`,
      cause,
    });
  }
  throw new LifeboatError('usage', `not of the form key=JSON: --input ${text}`);
}

/** @throws LifeboatError `usage` for an input that the workflow does not take, or that lifeboat itself gives */
export function checkInputs(workflow: Workflow, given: readonly string[], typed: readonly string[]): void {
  const own = typed.find((key) => given.includes(key));
  if (own !== undefined) {
    throw new LifeboatError('usage', `the input "${own}" comes from the configuration`, { hint: 'Change it there.' });
  }
  const unknown = typed.find((key) => !workflow.inputs.includes(key));
  if (unknown === undefined) return;
  const takes = workflow.inputs.filter((key) => !given.includes(key));
  throw new LifeboatError('usage', `the workflow ${workflow.name} takes no input "${unknown}"`, {
    hint: takes.length === 0 ? 'It takes none.' : `It takes: ${takes.join(', ')}.`,
  });
}
