/** Steps that come first: who this is, whether the repository is there, and that nobody else is at it. */
import { hostIdentity, processStart, sameProcessAlive } from '../host/identity.ts';
import { newId } from '../kernel/ids.ts';
import { acquireLock, lockKey, releaseLock } from '../point/lock.ts';
import { step } from './define.ts';
import { openConfigured } from './repository.ts';

export const identify = step({
  id: 'identify',
  title: 'Identify the host',
  needs: ['config'],
  gives: ['identity', 'hostName', 'pointId'],
  timeout: '1m',
  run: async ({ host, state, signal }) => {
    const identity = await hostIdentity(host, signal);
    return { identity, hostName: state.config.host ?? keyName(identity.name), pointId: newId(new Date()) };
  },
});

/** A host name as a segment of a key. */
export function keyName(name: string): string {
  const safe = name
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  return safe === '' ? 'host' : safe.slice(0, 100);
}

export const lock = step({
  id: 'lock',
  title: 'Lock the repository for this host',
  needs: ['config', 'identity', 'hostName'],
  gives: ['lockId'],
  timeout: '5m',
  cleanups: {
    async release(
      { config, key, id }: { config: Parameters<typeof openConfigured>[0]; key: string; id: string },
      { signal },
    ) {
      await using repository = await openConfigured(config, () => {}, signal);
      await releaseLock(repository.target, { key, id }, signal);
    },
  },
  run: async ({ state: { config, identity, hostName }, runId, atEnd, say, signal }) => {
    const tell = (text: string) => say({ type: 'note', text });
    await using repository = await openConfigured(config, tell, signal);
    const { bootId, machineId } = identity;
    const claim = {
      host: identity.name,
      machineId,
      bootId,
      pid: process.pid,
      processStart: (await processStart(process.pid)) ?? '',
      run: runId,
      since: new Date().toISOString(),
    };
    const isAlive = async (holder: { bootId: string; pid: number; processStart: string }) =>
      holder.bootId === bootId && (await sameProcessAlive(holder.pid, holder.processStart));
    const held = await acquireLock(repository.target, lockKey(hostName), claim, isAlive, signal);
    // A process that dies between these two lines leaves a lock that is known to be stale.
    await atEnd('release', { config, ...held });
    return { lockId: held.id };
  },
});
