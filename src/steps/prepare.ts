/** Steps that come first: who this is, whether the repository is there, and that nobody else is at it. */
import { type HostIdentity, hostIdentity, pidNamespace, processStart, sameProcessAlive } from '../host/identity.ts';
import type { Host } from '../host/host.ts';
import { newId } from '../kernel/ids.ts';
import { acquireLock, type Held, lockKey, newLockId, releaseLock } from '../point/lock.ts';
import type { Config } from '../config/schema.ts';
import type { Target } from '../target/target.ts';
import type { CleanupContext } from '../workflow/step.ts';
import { step } from './define.ts';
import { openConfigured } from './repository.ts';

export const identify = step({
  id: 'identify',
  title: 'Identify the host',
  needs: ['config'],
  gives: ['identity', 'hostName', 'pointId'],
  timeout: '1m',
  run: async ({ host, state, signal }) => {
    const { name, machineId, bootId } = await hostIdentity(host, signal);
    const identity = { name, ...(machineId ? { machineId } : {}), ...(bootId ? { bootId } : {}) };
    return { identity, hostName: state.config.host ?? keyName(name), pointId: newId(new Date()) };
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
      { config, key, id }: { config: Config; key: string; id: string },
      { say, secrets, signal }: CleanupContext,
    ) {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      await releaseLock(repository.target, { key, id }, signal);
    },
  },
  run: async ({ state: { config, identity, hostName }, runId, atEnd, say, secrets, signal }) => {
    await using repository = await openConfigured(config, { say, secrets }, signal);
    if (!repository.target.traits.exclusivePut) {
      // Ids of points do not collide, so two backups at once cost time and room, and no data.
      say({ type: 'note', text: `${repository.target.url} cannot lock: two backups at once would both be made` });
      return { lockId: '' };
    }
    const id = newLockId();
    // Before it is taken: whoever cleans up after a process that died here knows which lock it may have left.
    await atEnd('release', { config, key: lockKey(hostName), id });
    await lockAs(repository.target, identity, hostName, { run: runId, id }, signal);
    return { lockId: id };
  },
});

/**
 * Takes the lock of a host in its repository for this process.
 *
 * @throws LifeboatError `locked`
 */
async function lockAs(
  target: Target,
  { name, machineId, bootId }: Pick<HostIdentity, 'name'> & Partial<HostIdentity>,
  hostName: string,
  lock: { readonly run: string; readonly id?: string },
  signal: AbortSignal,
): Promise<Held> {
  const namespace = await pidNamespace();
  const claim = {
    host: name,
    ...(machineId ? { machineId } : {}),
    ...(bootId ? { bootId } : {}),
    ...(namespace === undefined ? {} : { pidNamespace: namespace }),
    pid: process.pid,
    processStart: (await processStart(process.pid)) ?? 0,
    ...lock,
    since: new Date().toISOString(),
  };
  const isAlive = (holder: { pid: number; processStart: number }) => sameProcessAlive(holder.pid, holder.processStart);
  return await acquireLock(target, lockKey(hostName), claim, isAlive, signal);
}

const RELEASE_MS = 60_000;

/**
 * The lock of a host for a command that is no run; released with what it returns, also when the command was interrupted.
 *
 * @param run what the others are told of it
 * @returns nothing where the target cannot lock
 * @throws LifeboatError `locked`
 */
export async function lockForCommand(
  target: Target,
  host: Host,
  hostName: string,
  run: string,
  signal: AbortSignal,
): Promise<AsyncDisposable | undefined> {
  if (!target.traits.exclusivePut) return undefined;
  const held = await lockAs(target, await hostIdentity(host, signal), hostName, { run }, signal);
  return { [Symbol.asyncDispose]: () => releaseLock(target, held, AbortSignal.timeout(RELEASE_MS)) };
}
