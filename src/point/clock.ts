/** The clock of a target, by which the times of its objects are told. */
import { LifeboatError } from '../kernel/errors.ts';
import type { Target } from '../target/target.ts';

/** What time it is there now, milliseconds since 1970: an object that is put says so, and goes again. */
export async function clockOf(target: Target, host: string, signal: AbortSignal): Promise<number> {
  const key = `lifeboat/${host}/clock`;
  await target.put(key, Buffer.from('\n'), {}, signal);
  const there = await target.stat(key, signal);
  await target.remove(key, signal);
  if (there !== undefined) return there.mtimeMs;
  throw new LifeboatError('target-failed', `${key} was stored at ${target.url}, and is not there`, {
    hint: 'Perhaps another lifeboat asked for the time at the same moment: run it again.',
  });
}
