import type { Cleanups, JsonState, Step, StepSpec } from './step.ts';

/**
 * The function by which steps over a state `S` are written. `S` must be JSON through and through: a state type that can
 * hold a `Secret`, a function or a date does not compile.
 *
 * Within a step the compiler knows only the keys that it `needs`, and accepts only what it `gives`.
 */
export function stepsOf<S extends JsonState<S>>(): <
  const Needs extends keyof S & string,
  const Gives extends keyof S & string,
  // oxlint-disable-next-line typescript/no-generated-empty-object-type -- a step without cleanups can register none
  const C extends Cleanups = Record<never, never>,
>(
  spec: StepSpec<S, Needs, Gives, C>,
) => Step {
  // `run` is a method, so a step over named keys stands as a step over any state; the runner hands it just those keys.
  return (spec) => spec;
}
