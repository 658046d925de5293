/** What a step hands over, checked: it is JSON, and what it said that it gives. */
import { LifeboatError } from '../kernel/errors.ts';
import { type Json, jsonCopy } from '../kernel/json.ts';
import type { Unit } from './units.ts';

/** What the compiler promises of our own steps is checked for a site's, which run with their types stripped. */
export function checkedGives(unit: Unit, result: unknown): Record<string, Json> {
  if (typeof result !== 'object' || result === null) throw invalid(unit, 'did not return an object');
  const entries = Object.entries(result);
  const missing = unit.step.gives.find((key) => !entries.some(([name, value]) => name === key && value !== undefined));
  if (missing !== undefined) throw invalid(unit, `did not give "${missing}"`);
  return Object.fromEntries(
    entries.map(([key, value]) => {
      if (!unit.step.gives.includes(key)) throw invalid(unit, `gave "${key}", which it does not list in "gives"`);
      return [
        key,
        jsonCopy(value, (place, what) => invalid(unit, `gave "${key}" with ${what}${place}, which is not JSON`)),
      ];
    }),
  );
}

export function invalid(unit: Unit, problem: string): LifeboatError {
  return new LifeboatError('workflow-invalid', `step ${unit.id} ${problem}`);
}
