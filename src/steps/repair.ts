/** Steps that make records anew out of the data of points. */
import { throwIfAborted } from '../kernel/wait.ts';
import { planRepair, type RepairPlan, repairOne } from '../point/repair.ts';
import { agree, type Destruction } from './consent.ts';
import { step } from './define.ts';
import { openSame } from './repository.ts';
import { readBackAttestation } from './verify.ts';

export function repairDestruction({ rebuild }: RepairPlan, hostName: string, repository: string): Destruction {
  const items = rebuild.map(({ id, what, why }) => ({ name: `${what} of ${id}`, state: why }));
  const identity = {
    repair: rebuild.map(({ id, what, why, arrivedAt }) => [id, what, why, arrivedAt]),
    hostName,
    repository,
  };
  return { deed: `sign records of ${hostName} that are made out of what lies there`, verb: 'rebuilt', items, identity };
}

export const decideRepair = step({
  id: 'records',
  title: 'Find records that are lost or damaged',
  needs: ['config', 'stateDir', 'hostName', 'lockId', 'repairRequest'],
  gives: ['repairPlan'],
  timeout: '1d',
  run: async ({ state, ask, say, secrets, signal }) => {
    const { hostName, repairRequest } = state;
    await using repository = await openSame(state, { say, secrets }, signal);
    const plan = await planRepair(repository, hostName, repairRequest, signal);
    for (const { id, problem } of plan.hopeless) say({ type: 'finding', subject: `point ${id}`, problem });
    await agree(repairDestruction(plan, hostName, repository.id), { ask, ...repairRequest }, signal);
    return { repairPlan: plan };
  },
});

export const repairRecords = step({
  id: 'repair',
  title: 'Make them anew, and read the data back',
  needs: ['config', 'stateDir', 'version', 'identity', 'hostName', 'lockId', 'repairPlan'],
  gives: ['repaired'],
  timeout: '30d',
  run: async ({ state, runId, say, secrets, signal }) => {
    const { version, identity, hostName, repairPlan } = state;
    await using repository = await openSame(state, { say, secrets }, signal);
    const { target, engine, keys } = repository;
    const by = { host: identity.name, version, run: runId };
    const repaired = [];
    for (const one of repairPlan.rebuild) {
      throwIfAborted(signal);
      const verify = async ({ id, data }: Parameters<Parameters<typeof repairOne>[3]>[0]) => {
        const onProgress = ({ doneBytes }: { readonly doneBytes: number }) =>
          say({ type: 'progress', done: doneBytes, total: data.bytes, unit: 'bytes' });
        const job = { target, hostName, pointId: id, sealing: keys, stored: data.stored, onProgress };
        const verified = await engine.verify({ ...job, scope: 'chain' }, signal);
        return readBackAttestation(id, { ...verified, at: new Date().toISOString(), scope: 'chain' }, by);
      };
      const { damage } = await repairOne(repository, hostName, one, verify, signal);
      if (damage > 0)
        say({ type: 'finding', subject: `point ${one.id}`, problem: `its data is damaged (${damage} findings)` });
      repaired.push({ id: one.id, what: one.what, damage });
    }
    return { repaired };
  },
});
