/** A target that is gone from some call on, as for a process that is killed there: of any verb, counted together. */
import { LifeboatError } from '../../src/kernel/errors.ts';
import type { Target } from '../../src/target/target.ts';

export interface DyingTarget extends Target {
  /** Calls so far. */
  calls(): number;
}

/**
 * @param last how many calls succeed
 * @param how whether the call after these does nothing, or does its work and only its answer is lost
 */
export function dyingTarget(base: Target, last: number, how: 'before' | 'after'): DyingTarget {
  let count = 0;
  const gone = () => new LifeboatError('unreachable', 'gone');
  /** Whether this call does its work. */
  const begin = () => {
    count += 1;
    if (count > last + 1 || (count === last + 1 && how === 'before')) throw gone();
  };
  const end = () => {
    if (count > last) throw gone();
  };
  return {
    url: base.url,
    traits: base.traits,
    calls: () => count,
    async put(...given) {
      begin();
      const result = await base.put(...given);
      end();
      return result;
    },
    async *get(...given) {
      begin();
      yield* base.get(...given);
      end();
    },
    async stat(...given) {
      begin();
      const result = await base.stat(...given);
      end();
      return result;
    },
    async *list(...given) {
      begin();
      yield* base.list(...given);
      end();
    },
    async remove(...given) {
      begin();
      await base.remove(...given);
      end();
    },
    [Symbol.asyncDispose]: () => base[Symbol.asyncDispose](),
  };
}
