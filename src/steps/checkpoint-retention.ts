/** Which checkpoints stay in the repository, and how one is taken away. */
import type { Engine } from '../engine/engine.ts';
import { asLifeboatError } from '../kernel/errors.ts';
import type { Keyring } from '../keys/keyring.ts';
import {
  checkpointOwner,
  type Checkpoints,
  containerKey,
  listCheckpoints,
  removeCheckpointRecord,
} from '../point/checkpoints.ts';
import { hasRecord } from '../point/record-objects.ts';
import { step } from './define.ts';
import { type OpenRepository, openConfigured } from './repository.ts';

export const retainCheckpoints = step({
  id: 'retain-checkpoints',
  title: 'Forget the oldest checkpoints of this container, as configured',
  needs: ['config', 'hostName', 'lockId', 'checkpointFile', 'recorded'],
  gives: ['forgotten'],
  timeout: '1h',
  run: async ({ state, say, secrets, signal }) => {
    const { config, hostName, checkpointFile } = state;
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const { checkpoints, damaged } = await listCheckpoints(repository, hostName, signal);
    const problem = unreadProblem(repository.keys, damaged, config.checkpoints.keep);
    if (problem !== undefined) say({ type: 'finding', subject: 'retention of checkpoints', problem });
    const same = checkpoints.filter((one) => containerKey(one) === containerKey(checkpointFile));
    const points: string[] = [];
    let bytes = 0;
    for (const { id, data } of same.slice(0, -config.checkpoints.keep)) {
      try {
        await forgetCheckpoint(repository, hostName, id, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        say({ type: 'finding', subject: `checkpoint ${id}`, problem: asLifeboatError(error).message });
        continue;
      }
      points.push(id);
      bytes += data.storedBytes;
    }
    const known = new Set([...checkpoints, ...damaged].map(({ id }) => id));
    await sweep(repository, hostName, known, signal);
    return { forgotten: { points, bytes } };
  },
});

/** Nobody knows whose those are that cannot be read, so that they stay, whatever the configuration says. */
export function unreadProblem(
  { identities }: Pick<Keyring, 'identities'>,
  damaged: Checkpoints['damaged'],
  keep: number,
): string | undefined {
  const many = damaged.length;
  const how = 'lifeboat container forget ID takes one away';
  if (identities.length === 0 && damaged.every(({ error }) => error.code === 'no-key')) {
    if (many <= keep) return undefined;
    return `this host can write only, and does not know of which containers the ${many} checkpoints are: none of them is forgotten; ${how}`;
  }
  if (many === 0) return undefined;
  return `${many} of the checkpoints could not be looked at, and stay (lifeboat container checkpoints says why); ${how}`;
}

/** Of a run that was cut off before its record, and that nobody has gone on with since. */
const abandonedMs = 7 * 86_400_000;

async function sweep(
  repository: Pick<OpenRepository, 'target' | 'engine' | 'keys'>,
  hostName: string,
  known: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const { engine, target } = repository;
  const arrived = new Map<string, number>();
  for await (const { pointId, mtimeMs } of engine.stored({ target, hostName: checkpointOwner(hostName) }, signal))
    arrived.set(pointId, Math.max(mtimeMs, arrived.get(pointId) ?? 0));
  // By the clock of the target: what this run has stored is the newest.
  const now = Math.max(...arrived.values());
  for (const [id, atMs] of arrived)
    if (!known.has(id) && now - atMs > abandonedMs) await discardData(repository, hostName, id, signal);
}

/** The record first: what is left then of one that was cut off is taken away by the next. */
export async function forgetCheckpoint(
  repository: Pick<OpenRepository, 'target' | 'engine' | 'keys'>,
  hostName: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  await removeCheckpointRecord(repository, hostName, id, signal);
  await discardData(repository, hostName, id, signal);
}

async function discardData(
  { engine, target, keys }: { readonly engine: Engine } & Pick<OpenRepository, 'target' | 'keys'>,
  hostName: string,
  pointId: string,
  signal: AbortSignal,
): Promise<void> {
  await engine.discard({ target, hostName: checkpointOwner(hostName), pointId, sealing: keys }, signal);
}

/** Of a run that failed. Not by a list of what can be read: on a host that can write only, that is nothing. */
export async function discardUnrecorded(
  repository: Pick<OpenRepository, 'target' | 'engine' | 'keys'>,
  hostName: string,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  if (await hasRecord(repository, hostName, 'checkpoints', id, signal)) return;
  await discardData(repository, hostName, id, signal);
}
