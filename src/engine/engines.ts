/** Every engine by its name: the one list. How to add one: `docs/extend-engine.md`. */
import { LifeboatError } from '../kernel/errors.ts';
import type { Engine } from './engine.ts';
import { tarEngine } from './tar/tar.ts';

export const engineNames = ['tar'] as const;

export type EngineName = (typeof engineNames)[number];

const engines: { readonly [Name in EngineName]: () => Engine } = {
  tar: tarEngine,
};

/** @throws LifeboatError `config-invalid` for a name that is not in the list */
export function openEngine(name: string): Engine {
  const known = engineNames.find((one) => one === name);
  if (known !== undefined) return engines[known]();
  throw new LifeboatError('config-invalid', `there is no engine ${JSON.stringify(name)}`, {
    hint: `Known are: ${engineNames.join(', ')}.`,
  });
}
