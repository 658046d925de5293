/** Steps that read back points that are on record, and attest what they found. */
import { asLifeboatError, LifeboatError } from '../kernel/errors.ts';
import { parseDuration } from '../kernel/units.ts';
import { throwIfAborted } from '../kernel/wait.ts';
import { putAttestation, readAttestations } from '../point/attestations.ts';
import { escrowProblem } from '../point/escrow.ts';
import { findPoint } from '../point/find.ts';
import { findKnown, knownPoints } from '../point/known.ts';
import type { LocalRecords } from '../point/local-records.ts';
import { leastVerified } from '../point/least-verified.ts';
import { ATTESTATION_FORMAT, type Point, type Verification } from '../point/point.ts';
import { cannotRead } from '../point/records.ts';
import type { Say } from '../workflow/step.ts';
import { type State, step, type Verified } from './define.ts';
import { localOf, type OpenRepository, openConfigured } from './repository.ts';

/** Who attests, and within which run. */
export interface Attester {
  readonly host: string;
  readonly version: string;
  readonly run: string;
}

export function readBackAttestation(point: string, verified: Verified, by: Attester): Verification {
  const { depth, scope, damage, at } = verified;
  return {
    format: ATTESTATION_FORMAT,
    point,
    kind: 'verified',
    level: 'read-back',
    depth,
    scope,
    result: damage.length === 0 ? 'passed' : 'damaged',
    damage: [...damage],
    at,
    by: { ...by },
  };
}

export const find = step({
  id: 'find',
  title: 'Find the recovery point',
  needs: ['config', 'hostName', 'pointName'],
  gives: ['point'],
  timeout: '10m',
  run: async ({ state: { config, hostName, pointName }, say, secrets, signal }) => {
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const { point } = await findPoint(repository, hostName, pointName, signal);
    return { point };
  },
});

export const selectPoints = step({
  id: 'select',
  title: 'Choose the points to verify',
  needs: ['config', 'stateDir', 'hostName', 'verifyRequest'],
  gives: ['selected'],
  timeout: '10m',
  run: async ({ state: { config, stateDir, hostName, verifyRequest }, say, secrets, signal }) => {
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const local = localOf(repository, { stateDir, hostName });
    const { points: named, oldest, olderThan } = verifyRequest;
    if (named.length > 0) {
      const found = [];
      for (const name of named) found.push((await findKnown(repository, hostName, local, name, signal)).point);
      return { selected: found.map((point) => ({ point, scope: 'chain' as const })) };
    }
    const list = await knownPoints(repository, hostName, local, signal);
    for (const { key, error } of list.damaged) say({ type: 'finding', subject: key, problem: error.message });
    const chosen = leastVerified(
      list.points,
      {
        ...(oldest === undefined ? {} : { oldest }),
        ...(olderThan === undefined ? {} : { olderThanMs: parseDuration(olderThan) }),
      },
      Date.now(),
    );
    return { selected: chosen.map(({ point }) => ({ point, scope: 'own' as const })) };
  },
});

export const readBackPoints = step({
  id: 'read-back',
  title: 'Read everything back, check it, and put the result on record',
  needs: ['config', 'stateDir', 'version', 'identity', 'hostName', 'selected'],
  gives: ['verifications'],
  timeout: '30d',
  run: async ({ state: { config, stateDir, version, identity, hostName, selected }, runId, say, secrets, signal }) => {
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const local = localOf(repository, { stateDir, hostName });
    const by = { host: identity.name, version, run: runId };
    return { verifications: await verifyAll(repository, local, hostName, selected, by, say, signal) };
  },
});

/**
 * Reads points back one after the other, and attests each at once. What this run has attested already, before it was
 * interrupted, is not read again. A host that cannot read what it attests keeps it with its copy of the record.
 */
export async function verifyAll(
  repository: Omit<OpenRepository, 'id' | typeof Symbol.asyncDispose>,
  local: LocalRecords,
  hostName: string,
  selected: State['selected'],
  by: Attester,
  say: Say,
  signal: AbortSignal,
): Promise<State['verifications']> {
  const wanted = new Set(selected.map(({ point }) => point.id));
  const { ofPoint } = await readAttestations(repository, hostName, (id) => wanted.has(id), signal);
  const results: State['verifications'][number][] = [];
  const total = selected.reduce((sum, { point }) => sum + point.data.bytes, 0);
  let before = 0;
  for (const { point, scope } of selected) {
    const known = ofPoint.get(point.id)?.verification;
    if (known?.by.run === by.run) {
      results.push({ point: point.id, damage: known.damage, depth: known.depth });
      continue;
    }
    const progress = (done: number) => say({ type: 'progress', done: before + done, total, unit: 'bytes' });
    // Before what takes hours: that it cannot be asked must not cost what was read.
    const kept = await escrowProblem(repository, point, signal);
    const verified = await readBackTwice(repository, point, scope, progress, say, signal);
    const verification = readBackAttestation(point.id, verified, by);
    // No damage of its files, nor of what builds upon them.
    if (kept !== undefined)
      say({ type: 'finding', subject: `point ${point.id}`, problem: `its LUKS headers cannot be read: ${kept}` });
    await putAttestation(repository, hostName, verification, signal);
    if (cannotRead(repository)) await local.put({ ...point, verification });
    results.push({ point: point.id, ...verified });
    before += point.data.bytes;
  }
  return results;
}

/** What reads wrong is read once more: a fault of the moment is told, and is not put on record as damage of the point. */
async function readBackTwice(
  repository: Pick<OpenRepository, 'target' | 'engine' | 'keys'>,
  point: Point,
  scope: 'own' | 'chain',
  progress: (done: number) => void,
  say: Say,
  signal: AbortSignal,
): Promise<Verified> {
  const first = await readBackOne(repository, point, scope, progress, signal);
  const [wrong] = first.damage;
  if (wrong === undefined) return first;
  say({ type: 'note', text: `the point ${point.id} reads back wrong, and is read once more to be sure` });
  const second = await readBackOne(repository, point, scope, progress, signal);
  if (second.damage.length === 0) {
    const problem = `it read back wrong (${wrong.subject}: ${wrong.problem}), then right: the storage or this machine is not to be relied on`;
    say({ type: 'finding', subject: `point ${point.id}`, problem });
  }
  return second;
}

async function readBackOne(
  { target, engine, keys }: Pick<OpenRepository, 'target' | 'engine' | 'keys'>,
  point: Point,
  scope: 'own' | 'chain',
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Verified> {
  const job = {
    target,
    hostName: point.host.name,
    pointId: point.id,
    sealing: keys,
    stored: point.data.stored,
    scope,
    onProgress: ({ doneBytes }: { readonly doneBytes: number }) => progress(doneBytes),
  };
  const report = await engine.verify(job, signal);
  const all = point.data.references.length === 0;
  return { ...report, at: new Date().toISOString(), scope: all ? 'chain' : scope };
}

/** Last, so that damage is on record before the run fails by it. */
export const judge = step({
  id: 'judge',
  title: 'Judge the result',
  needs: ['verifications'],
  gives: [],
  run: async ({ state: { verifications } }) => {
    const damaged = verifications.filter(({ damage }) => damage.length > 0);
    const [first] = damaged;
    if (first === undefined) return {};
    const others = damaged.slice(1).map(({ point }) => point);
    const more = [
      ...(first.damage.length > 1 ? [`and ${first.damage.length - 1} more`] : []),
      ...(others.length > 0 ? [`damaged too: ${others.join(', ')}`] : []),
    ];
    const what = `point ${first.point}: ${first.damage[0]?.subject}: ${first.damage[0]?.problem}`;
    throw new LifeboatError('archive-damaged', more.length === 0 ? what : `${what} (${more.join('; ')})`, {
      hint: 'Do not rely on this point: make a new one now, and look for the cause in the storage it lies on.',
    });
  },
});

/** After a backup, as many as are configured: what is found damaged is named, and takes nothing from the new point. */
export const verifyOldest = step({
  id: 'verify-oldest',
  title: 'Read back the points that were verified the longest ago',
  needs: ['config', 'stateDir', 'version', 'identity', 'hostName', 'recorded'],
  gives: [],
  timeout: '7d',
  run: async ({ state: { config, stateDir, version, identity, hostName, recorded }, runId, say, secrets, signal }) => {
    if (config.verify.oldest === 0) return {};
    try {
      await using repository = await openConfigured(config, { say, secrets }, signal);
      const local = localOf(repository, { stateDir, hostName });
      const { points } = await knownPoints(repository, hostName, local, signal);
      const others = points.filter(({ point }) => point.id !== recorded.point);
      const chosen = leastVerified(others, { oldest: config.verify.oldest }, Date.now());
      const selected = chosen.map(({ point }) => ({ point, scope: 'own' as const }));
      const by = { host: identity.name, version, run: runId };
      for (const { point, damage } of await verifyAll(repository, local, hostName, selected, by, say, signal)) {
        for (const { subject, problem } of damage)
          say({ type: 'finding', subject: `point ${point}`, problem: `${subject}: ${problem}` });
      }
    } catch (error) {
      throwIfAborted(signal);
      const { message } = asLifeboatError(error);
      say({ type: 'finding', subject: 'older points', problem: `could not be read back: ${message}` });
    }
    return {};
  },
});
