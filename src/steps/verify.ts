/** Steps that check a recovery point that is on record, and attest what they found. */
import { LifeboatError } from '../kernel/errors.ts';
import { putAttestation } from '../point/attestations.ts';
import { findPoint } from '../point/find.ts';
import { ATTESTATION_FORMAT, type Verification } from '../point/point.ts';
import { step, type Verified } from './define.ts';
import { openConfigured } from './repository.ts';

export function readBackAttestation(point: string, verified: Verified, host: string, version: string): Verification {
  return {
    format: ATTESTATION_FORMAT,
    point,
    kind: 'verified',
    level: 'read-back',
    depth: verified.depth,
    result: verified.damage.length === 0 ? 'passed' : 'damaged',
    damage: [...verified.damage],
    at: new Date().toISOString(),
    by: { host, version },
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

export const readBackPoint = step({
  id: 'read-back',
  title: 'Read everything back and check it',
  needs: ['config', 'point'],
  gives: ['verified'],
  timeout: '7d',
  run: async ({ state: { config, point }, say, secrets, signal }) => {
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const { target, engine, keys } = repository;
    const verified = await engine.verify(
      {
        target,
        hostName: point.host.name,
        pointId: point.id,
        sealing: keys,
        stored: point.data.stored,
        onProgress: ({ doneBytes }) =>
          say({ type: 'progress', done: doneBytes, total: point.data.bytes, unit: 'bytes' }),
      },
      signal,
    );
    return { verified };
  },
});

export const attest = step({
  id: 'attest',
  title: 'Put the result on record',
  needs: ['config', 'version', 'identity', 'point', 'verified'],
  gives: [],
  timeout: '10m',
  run: async ({ state: { config, version, identity, point, verified }, say, secrets, signal }) => {
    await using repository = await openConfigured(config, { say, secrets }, signal);
    const attestation = readBackAttestation(point.id, verified, identity.name, version);
    await putAttestation(repository, point.host.name, attestation, signal);
    return {};
  },
});

/** Last, so that damage is on record before the run fails by it. */
export const judge = step({
  id: 'judge',
  title: 'Judge the result',
  needs: ['point', 'verified'],
  gives: [],
  run: async ({ state: { point, verified } }) => {
    const [first] = verified.damage;
    if (!first) return {};
    const more = verified.damage.length > 1 ? ` (and ${verified.damage.length - 1} more)` : '';
    throw new LifeboatError('archive-damaged', `point ${point.id}: ${first.subject}: ${first.problem}${more}`, {
      hint: 'Do not rely on this point: make a new one now, and look for the cause in the storage it lies on.',
    });
  },
});
