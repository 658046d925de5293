/** Opening what the configuration names: the repository, its engine, and the check that the two fit. */
import type { Config } from '../config/schema.ts';
import type { Engine } from '../engine/engine.ts';
import { openEngine } from '../engine/engines.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { present } from '../kernel/present.ts';
import { localRecords } from '../point/local-records.ts';
import { openRepository } from '../point/repository.ts';
import { checkSameRepository } from '../point/same-repository.ts';
import type { Keyring } from '../keys/keyring.ts';
import { openTarget } from '../target/targets.ts';
import type { Target } from '../target/target.ts';
import { withLog } from '../target/wrap/log.ts';
import { withRetry } from '../target/wrap/retry.ts';
import type { CleanupContext } from '../workflow/step.ts';
import type { State } from './define.ts';
import { keysAtHand, openKeyring, withRecoveryLogin } from './keys.ts';

const RETRY = { attempts: 4, delayMs: 500, maxDelayMs: 10_000 };

export interface OpenRepository extends AsyncDisposable {
  readonly target: Target;
  readonly engine: Engine;
  readonly keys: Keyring;
  /** As its marker has it. */
  readonly id: string;
}

/** What opening takes of a step's context. */
export interface Opening extends Pick<CleanupContext, 'say' | 'secrets'> {
  /** Somebody waits for the answer: a server that is away is told within seconds. */
  readonly hurried?: boolean;
}

/** How long a person waits for a server that is away. */
export const HURRIED_MS = 20_000;

/**
 * Opens the repository of the configuration.
 *
 * @param opening `say` is told when the storage has to be asked again, and of every call for the log
 * @throws LifeboatError `no-repository`, `config-invalid` when engine and target cannot work together; `usage`,
 *   `untrusted`, … of its keys
 */
export async function openConfigured(config: Config, opening: Opening, signal: AbortSignal): Promise<OpenRepository> {
  const { say } = opening;
  const atHand = keysAtHand(config, opening);
  const raw = await openTarget(
    config.repository,
    {
      secrets: withRecoveryLogin(opening.secrets, atHand),
      onWait: (text) => say({ type: 'note', text }),
      ...present({ ssh: config.ssh, patienceMs: opening.hurried === true ? HURRIED_MS : undefined }),
    },
    signal,
  );
  const logged = withLog(raw, ({ verb, key, bytes, ms, error }) => {
    const outcome = error === undefined ? `${bytes} bytes` : `failed (${error})`;
    say({ type: 'detail', text: `${verb} ${key}: ${outcome}, ${Math.round(ms)} ms` });
  });
  const target = withRetry(logged, RETRY, ({ error, attempt }) => {
    say({ type: 'note', text: `${error.message}; attempt ${attempt}` });
  });
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
    const keys = await openKeyring(atHand, config, target, say, signal);
    return { target, engine, keys, id: marker.id, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
  } catch (error) {
    await target[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * {@link openConfigured}, for those who are about to remove something: the repository that this host has found at that URL before.
 *
 * @throws LifeboatError `untrusted` when it is another one
 */
export async function openSame(
  { config, stateDir }: Pick<State, 'config' | 'stateDir'>,
  opening: Opening,
  signal: AbortSignal,
): Promise<OpenRepository> {
  const repository = await openConfigured(config, opening, signal);
  try {
    await checkSameRepository(stateDir, { url: repository.target.url, id: repository.id });
    return repository;
  } catch (error) {
    await repository[Symbol.asyncDispose]();
    throw error;
  }
}

/** What this host keeps of its points there. */
export function localOf({ id }: OpenRepository, { stateDir, hostName }: Pick<State, 'stateDir' | 'hostName'>) {
  return localRecords(stateDir, id, hostName);
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
