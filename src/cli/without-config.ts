/** What stands for a configuration on a machine that has none: a repository by its URL, and a recovery code. */
import { type Config, configSchema } from '../config/schema.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import { openRepository } from '../point/repository.ts';
import { HURRIED_MS } from '../steps/repository.ts';
import { openTarget } from '../target/targets.ts';
import type { Target } from '../target/target.ts';
import { recoveryCode } from './ask-secret.ts';
import type { Globals } from './globals.ts';
import { interruptSignal } from './interrupt.ts';

/**
 * Asks for the recovery code where nobody gave it. A repository that is not encrypted can be read without one.
 *
 * @throws LifeboatError `no-repository`, `not-found` when it holds no host; `usage` when it holds several and none is named
 */
export async function configOfRepository(url: string, globals: Globals): Promise<Config> {
  using interrupt = interruptSignal();
  const { signal } = interrupt;
  await using target = await openTarget(url, { patienceMs: HURRIED_MS }, signal);
  const { engine } = await openRepository(target, signal);
  const host = globals.host ?? (await onlyHost(target, signal));
  await recoveryCode(globals, signal);
  const parsed = configSchema.safeParse({ repository: url, engine, host, backup: { include: ['/'] } });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new LifeboatError('usage', `${issue?.path.join('.')} ${issue?.message}`);
}

async function onlyHost(target: Target, signal: AbortSignal): Promise<string> {
  const hosts = new Set<string>();
  for await (const { key } of target.list('lifeboat', signal)) {
    const [, host, ...rest] = key.split('/');
    if (host !== undefined && rest.length > 1) hosts.add(host);
  }
  const [first, ...others] = [...hosts].sort();
  if (first === undefined) {
    throw new LifeboatError('not-found', `there is nothing of any host at ${target.url}`);
  }
  if (others.length === 0) return first;
  throw new LifeboatError('usage', `${target.url} holds several hosts: which one is meant?`, {
    hint: printable(`Add --host, with one of: ${[first, ...others].join(', ')}`),
  });
}
