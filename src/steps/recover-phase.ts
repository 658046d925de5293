/** How long each part of a recovery took, for the record; a run that is gone on with knows what came before. */
import type { Phase } from './define.ts';

export async function phased<T>(
  name: string,
  before: readonly Phase[],
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly phases: readonly Phase[] }> {
  const start = performance.now();
  const value = await work();
  return { value, phases: [...before, { name, seconds: Math.round((performance.now() - start) / 100) / 10 }] };
}
