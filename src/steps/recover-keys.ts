/** The keys of encrypted volumes while a recovery needs them: in memory, and gone when it ends, however that is. */
import { access } from 'node:fs/promises';
import type { Plan } from '../layout/rebuild/document.ts';
import type { Layout } from '../layout/types.ts';
import { forgetKeys, type KeyFiles, keyFiles, namesFor } from '../recover/keys.ts';
import type { CleanupContext } from '../workflow/step.ts';
import type { State } from './define.ts';
import { openConfigured } from './repository.ts';

/** For root alone. */
const inMemory = '/run/lifeboat/recover';

export interface KeyPlace {
  readonly state: Pick<State, 'config' | 'point'>;
  readonly surroundings: Pick<CleanupContext, 'say' | 'secrets' | 'signal'>;
  readonly directory?: string;
}

/** @throws LifeboatError as {@link keyFiles}, which leaves nothing behind then */
export async function keysFor(
  names: readonly string[],
  layout: Layout,
  { state: { config, point }, surroundings: { say, secrets, signal }, directory = inMemory }: KeyPlace,
): Promise<KeyFiles> {
  if (names.length === 0) return { headers: {}, keys: {} };
  await using repository = await openConfigured(config, { say, secrets }, signal);
  return await keyFiles(names, layout, { repository, point, directory, secrets }, signal);
}

/** Does what needs the keys of a plan, which are made again where an attempt that was cut off is gone on with. They are gone afterwards. */
export async function withKeys<T>(
  plan: Pick<Plan, 'actions' | 'layout'>,
  { headers, keys }: KeyFiles,
  place: KeyPlace,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const isGone = (
      await Promise.allSettled(
        [...Object.values(headers), ...Object.values(keys)].map(async (file) => await access(file)),
      )
    ).some(({ status }) => status === 'rejected');
    if (isGone) await keysFor(namesFor(plan), plan.layout, place);
    return await work();
  } finally {
    await forgetKeys(place.directory ?? inMemory);
  }
}

/** For who starts a recovery, which may end between two steps. */
export const keysForgotten = (): AsyncDisposable => ({
  [Symbol.asyncDispose]: async () => await forgetKeys(inMemory),
});
