/** Opening what the configuration names: the repository, its engine, and the check that the two fit. */
import type { Config } from '../config/schema.ts';
import type { Engine } from '../engine/engine.ts';
import { openEngine } from '../engine/engines.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { openRepository } from '../point/repository.ts';
import { openTarget } from '../target/targets.ts';
import type { Target } from '../target/target.ts';
import { withRetry } from '../target/wrap/retry.ts';

const RETRY = { attempts: 4, delayMs: 500, maxDelayMs: 10_000 };

export interface OpenRepository extends AsyncDisposable {
  readonly target: Target;
  readonly engine: Engine;
}

/**
 * Opens the repository of the configuration.
 *
 * @param onRetry told when the storage has to be asked again
 * @throws LifeboatError `no-repository`, `config-invalid` when engine and target cannot work together, …
 */
export async function openConfigured(
  config: Config,
  onRetry: (problem: string) => void,
  signal: AbortSignal,
): Promise<OpenRepository> {
  const raw = await openTarget(config.repository, {}, signal);
  const target = withRetry(raw, RETRY, ({ error, attempt }) => onRetry(`${error.message}; attempt ${attempt}`));
  try {
    const marker = await openRepository(target, signal);
    const engine = openEngine(config.engine);
    if (marker.engine !== engine.name) {
      throw new LifeboatError(
        'config-invalid',
        `${target.url} was made for the engine ${marker.engine}, not ${engine.name}`,
        {
          hint: `Set "engine: ${marker.engine}", or choose another repository.`,
        },
      );
    }
    checkPair(engine, target);
    return { target, engine, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw error;
  }
}

/** @throws LifeboatError `config-invalid` when the target lacks what the engine requires */
export function checkPair(engine: Engine, target: Target): void {
  const lacking = engine.requires.filter((trait) => !target.traits[trait]);
  if (lacking.length === 0) return;
  throw new LifeboatError(
    'config-invalid',
    `the engine ${engine.name} cannot work on ${target.url}: no ${lacking.join(', ')}`,
  );
}
