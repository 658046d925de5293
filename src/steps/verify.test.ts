import { afterAll, beforeAll, expect, test } from 'vitest';
import { testKeyring, writeOnly } from '../../test/helpers/keyring.ts';
import { localCopies, realPoints, type RealPoints } from '../../test/helpers/real-points.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { knownPoints } from '../point/known.ts';
import { leastVerified } from '../point/least-verified.ts';
import type { Point } from '../point/point.ts';
import { listPoints } from '../point/records.ts';
import type { Target } from '../target/target.ts';
import { verifyAll } from './verify.ts';

const by = { host: 'box', version: '1', run: 'run' };
let made: RealPoints;
const points: Point[] = [];

beforeAll(async () => {
  made = await realPoints(testKeyring());
  points.push(await made.make('p1', 3));
  points.push(await made.make('p2', 2));
});
afterAll(() => made[Symbol.asyncDispose]());

/** Reads the data of this point wrong so many times. */
function flaky(target: Target, id: string, times: number): Target {
  let left = times;
  return {
    ...target,
    async *get(key, range, signal) {
      const wrong = key.startsWith(`tar/box/${id}.tar`) && left-- > 0;
      for await (const chunk of target.get(key, range, signal))
        yield wrong ? Buffer.from(chunk.map((byte) => byte ^ 1)) : chunk;
    },
  };
}

test.for([
  [1, 'read-back', 1],
  [99, 'damaged', 0],
] as const)('read wrong %i times, a point is %s', async ([times, trust, findings], { signal }) => {
  const { repository } = made.copy();
  const target = flaky(repository.target, 'p1', times);
  const found: unknown[] = [];
  const selected = points.map((point) => ({ point, scope: 'own' as const }));
  const say = (said: { readonly type: string }) => void (said.type === 'finding' && found.push(said));
  await verifyAll({ ...repository, target }, localCopies([]), 'box', selected, by, say, signal);
  const listed = (await listPoints(repository, 'box', signal)).points;
  expect(listed.map((one) => one.trust)).toEqual([trust, 'read-back']);
  expect(found).toHaveLength(findings);
});

test('a host that cannot read what it attests goes on to the next point', async ({ signal }) => {
  const copy = made.copy();
  const repository = { ...copy.repository, keys: writeOnly(made.keys) };
  const local = localCopies(points);
  const turns: string[] = [];
  for (const run of ['a', 'b', 'c']) {
    const known = await knownPoints(repository, 'box', local, signal);
    const selected = leastVerified(known.points, { oldest: 1 }, Date.now()).map(({ point }) => point);
    const scope = 'own' as const;
    turns.push(...selected.map(({ id }) => id));
    const given = selected.map((point) => ({ point, scope }));
    await verifyAll(repository, local, 'box', given, { ...by, run }, () => undefined, signal);
  }
  expect(turns).toEqual(['p1', 'p2', 'p1']);
});

test('LUKS headers that cannot be asked for cost nothing of what was read back', async ({ signal }) => {
  const { repository, store } = made.copy();
  const asked: string[] = [];
  const target: Target = {
    ...repository.target,
    get(key, range, inner) {
      asked.push(key);
      // The way there is gone once the data of p1 was read.
      if (key.includes('/escrow/') && asked.some((one) => one.startsWith('tar/box/p1')))
        throw new LifeboatError('unreachable', 'gone');
      return repository.target.get(key, range, inner);
    },
  };
  const selected = points.map((point) => ({ point, scope: 'own' as const }));
  const verified = verifyAll({ ...repository, target }, localCopies([]), 'box', selected, by, () => undefined, signal);
  await expect(verified).rejects.toThrow('gone');
  expect([...store.keys()].filter((key) => key.includes('/attestations/p1'))).toHaveLength(1);
  expect(asked.filter((one) => one.startsWith('tar/box/p2'))).toEqual([]);
});
