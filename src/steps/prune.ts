/** Steps that remove what no record refers to. */
import type { Json } from '../kernel/json.ts';
import { formatBytes, parseDuration } from '../kernel/units.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { clockOf } from '../point/clock.ts';
import type { LocalRecords } from '../point/local-records.ts';
import { lockKey, sweepBreaking } from '../point/lock.ts';
import { byRulesAlone, planPrune, type PrunePlan, removeLeftover } from '../point/prune.ts';
import { agree, type Destruction } from './consent.ts';
import { type State, step } from './define.ts';
import { localOf, type OpenRepository, openSame } from './repository.ts';

const DEFAULT_GRACE = '24h';

/** What a request comes to now, by the clock of the target. Removes nothing. */
export async function prunePlan(
  repository: OpenRepository,
  local: LocalRecords,
  { hostName, pruneRequest }: Pick<State, 'hostName' | 'pruneRequest'>,
  signal: AbortSignal,
): Promise<PrunePlan> {
  const graceMs = parseDuration(pruneRequest.grace ?? DEFAULT_GRACE);
  const nowMs = await clockOf(repository.target, hostName, signal);
  return await planPrune(repository, hostName, local, { graceMs, nowMs }, signal);
}

export function pruneDestruction({ remove }: PrunePlan, hostName: string, repository: string): Destruction {
  const items = remove.map(({ id, bytes, why }) => ({ name: id, state: `${formatBytes(bytes)}, ${why}` }));
  const identity: Json = { prune: remove.map(({ id, objects, bytes }) => [id, objects, bytes]), hostName, repository };
  return { deed: `prune what no record of ${hostName} refers to`, verb: 'removed', items, identity };
}

export const decidePrune = step({
  id: 'leftovers',
  title: 'Find what no record refers to',
  needs: ['config', 'stateDir', 'hostName', 'lockId', 'pruneRequest'],
  gives: ['prunePlan'],
  timeout: '1h',
  run: async ({ state, ask, say, secrets, signal }) => {
    const { config, hostName, pruneRequest } = state;
    const { yes } = pruneRequest;
    await using repository = await openSame(state, { say, secrets }, signal);
    const whole = await prunePlan(repository, localOf(repository, state), state, signal);
    const byRules = config.retention !== undefined && (yes ?? '') === '';
    const plan = byRules ? byRulesAlone(whole) : whole;
    for (const { id, why, lost } of plan.keep) if (lost) say({ type: 'finding', subject: `point ${id}`, problem: why });
    if (!byRules) await agree(pruneDestruction(plan, hostName, repository.id), { ask, yes }, signal);
    return { prunePlan: plan };
  },
});

export const prunePoints = step({
  id: 'prune',
  title: 'Remove it, unless it has come on record',
  needs: ['config', 'stateDir', 'hostName', 'lockId', 'prunePlan'],
  gives: ['pruned'],
  timeout: '1d',
  run: async ({ state, say, secrets, signal }) => {
    const { hostName, prunePlan: plan } = state;
    await using repository = await openSame(state, { say, secrets }, signal);
    const local = localOf(repository, state);
    const removed = [];
    for (const leftover of plan.remove) {
      throwIfAborted(signal);
      if (await removeLeftover(repository, hostName, local, leftover.id, signal)) removed.push(leftover);
      else say({ type: 'note', text: `${leftover.id} is on record, though the list did not say so: it stays` });
    }
    await sweepBreaking(repository.target, lockKey(hostName), signal);
    const bytes = removed.reduce((sum, one) => sum + one.bytes, 0);
    return { pruned: { points: removed.map(({ id }) => id), bytes } };
  },
});
