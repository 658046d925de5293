/** Records that were lost, damaged or forged, made anew out of the engine's data. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EngineRepository } from '../../src/point/catalogue.ts';
import { sealDocument } from '../../src/point/envelope.ts';
import { findPoint } from '../../src/point/find.ts';
import type { Point } from '../../src/point/point.ts';
import { listPoints, readCaptures } from '../../src/point/records.ts';
import { planRepair, type Repair, repairOne } from '../../src/point/repair.ts';
import { dyingTarget } from '../helpers/dying-target.ts';
import { testKeyring } from '../helpers/keyring.ts';
import { madeData, madeVerification } from '../helpers/points.ts';
import { type RealCopy, realPoints, type RealPoints, wholePoints } from '../helpers/real-points.ts';

const { signal } = new AbortController();
let made: RealPoints;
const points: Point[] = [];

beforeAll(async () => {
  made = await realPoints();
  points.push(await made.make('p1', 9), await made.make('p2', 8, 'p1'), await made.make('p3', 7));
  await made.make('p9', 3, undefined, 'box2');
});
afterAll(() => made[Symbol.asyncDispose]());

async function repair(
  repository: EngineRepository,
  damage: readonly string[] = [],
  how: { readonly unknownSigner?: boolean } = {},
): Promise<readonly Repair[]> {
  const { rebuild } = await planRepair(repository, 'box', how, signal);
  for (const one of rebuild) {
    const result = damage.includes(one.id) ? 'damaged' : 'passed';
    await repairOne(repository, 'box', one, async () => madeVerification(one.id, { result }), signal);
  }
  return rebuild;
}

function without(pattern: RegExp): RealCopy {
  const copy = made.copy();
  for (const key of copy.store.keys()) if (pattern.test(key)) copy.store.delete(key);
  return copy;
}

test('a whole repository without records is as it was, but for what only the records knew', async () => {
  const copy = without(/^lifeboat\/box\//);
  expect((await repair(copy.repository)).map(({ id, what }) => `${what} ${id}`)).toEqual([
    'record p1',
    'record p2',
    'record p3',
  ]);
  const { points: listed, damaged } = await listPoints(copy.repository, 'box', signal);
  expect(damaged).toEqual([]);
  for (const [index, { point, arrivedMs, trust }] of listed.entries()) {
    const original = points[index];
    const { notes, ...data } = point.data;
    const { changes: _changes, notes: _notes, ...before } = original?.data ?? madeData;
    // From which an incremental point was made, the data does not say; what it needs, it does.
    expect({ ...data, base: undefined }).toEqual({ ...before, base: undefined });
    expect(notes).toEqual([expect.stringContaining('rebuilt')]);
    expect(point.captures).toEqual(original?.captures);
    expect(point).toMatchObject({ createdAt: original?.createdAt, include: original?.include });
    expect(point.rebuilt).toBeDefined();
    expect(trust).toBe('read-back');
    // It counts as having arrived when its data did.
    expect(Math.round((Date.now() - arrivedMs) / 86_400_000)).toBe(9 - index);
    await readCaptures(copy.repository, point, signal);
  }
  expect(await wholePoints(copy.repository)).toEqual(['p1', 'p2', 'p3']);
  expect((await findPoint(copy.repository, 'box', 'latest', signal)).point.id).toBe('p3');
  expect((await planRepair(copy.repository, 'box', {}, signal)).rebuild).toEqual([]);
});

test('an older record that was rebuilt today is not the latest', async () => {
  const copy = without(/\/points\/p1\./);
  await repair(copy.repository);
  expect((await findPoint(copy.repository, 'box', 'latest', signal)).point.id).toBe('p3');
});

test('damaged and forged records are replaced, good ones never, nor those of another host', async () => {
  const copy = made.copy();
  const key = (id: string) => `lifeboat/box/points/${id}.age`;
  const stranger = { ...testKeyring(), recipients: made.keys.recipients };
  const forged = { ...points[0], include: ['/forged'] };
  await copy.repository.target.put(key('p1'), sealDocument(stranger, key('p1'), forged), {}, signal);
  await copy.repository.target.put(key('p2'), Buffer.from('x'), {}, signal);
  const good = copy.store.get(key('p3'));
  const others = [...copy.store].filter(([name]) => name.includes('/box2/'));
  // It may be good, by a key that is not here.
  const plan = await planRepair(copy.repository, 'box', {}, signal);
  expect(plan.rebuild.map(({ id }) => id)).toEqual(['p2']);
  expect(plan.hopeless).toMatchObject([{ id: 'p1', problem: expect.stringContaining('--unknown-signer') }]);
  const repaired = await repair(copy.repository, [], { unknownSigner: true });
  expect(repaired.map(({ id }) => id)).toEqual(['p1', 'p2']);
  const { points: listed, damaged } = await listPoints(copy.repository, 'box', signal);
  expect([listed.length, damaged]).toEqual([3, []]);
  expect(listed[0]?.point.include).toEqual(points[0]?.include);
  expect(copy.store.get(key('p3'))).toBe(good);
  expect([...copy.store].filter(([name]) => name.includes('/box2/'))).toEqual(others);
});

test('captures that were lost come back as the record names them', async () => {
  const copy = without(/\/captures\/p2\./);
  expect((await repair(copy.repository)).map(({ id, what }) => `${what} ${id}`)).toEqual(['captures p2']);
  const { point } = await findPoint(copy.repository, 'box', 'p2', signal);
  expect(point.rebuilt).toBeUndefined();
  await readCaptures(copy.repository, point, signal);
});

test('data that is damaged is said to be so', async () => {
  const copy = without(/\/points\/p3\./);
  await repair(copy.repository, ['p3']);
  expect((await findPoint(copy.repository, 'box', 'p3', signal)).trust).toBe('damaged');
});

test('what cannot be rebuilt is named: half of the data, a record for another key, what is being forgotten', async () => {
  const copy = without(/\/points\/|tar\/box\/p3\.tar/);
  const foreign = testKeyring();
  const key = 'lifeboat/box/points/p2.age';
  await copy.repository.target.put(key, sealDocument(foreign, key, {}), {}, signal);
  const tombstone = 'lifeboat/box/forgotten/p1.age';
  const document = { format: 'lifeboat.forgotten/1', point: 'p1', at: new Date().toISOString() };
  await copy.repository.target.put(tombstone, sealDocument(made.keys, tombstone, document), {}, signal);
  const { rebuild, hopeless } = await planRepair(copy.repository, 'box', {}, signal);
  expect(rebuild).toEqual([]);
  expect(hopeless.map(({ id, problem }) => [id, problem])).toEqual([
    ['p2', expect.stringContaining('other keys')],
    ['p3', expect.stringContaining('is missing')],
  ]);
});

test('interrupted anywhere, a repeat finishes', { timeout: 60_000 }, async () => {
  for (let calls = 0; ; calls += 1) {
    const copy = without(/\/points\/p1\.|\/captures\/p2\./);
    const target = dyingTarget(copy.repository.target, calls, calls % 2 ? 'after' : 'before');
    const died = await repair({ ...copy.repository, target }).then(
      () => false,
      () => true,
    );
    await repair(copy.repository);
    const { points: listed, damaged } = await listPoints(copy.repository, 'box', signal);
    expect([listed.length, damaged], `after ${calls} calls`).toEqual([3, []]);
    for (const { point } of listed) await readCaptures(copy.repository, point, signal);
    // What no data has is taken over.
    expect(listed.map(({ point }) => point.escrow?.object)).toEqual(points.map(({ escrow }) => escrow?.object));
    expect(await wholePoints(copy.repository)).toEqual(['p1', 'p2', 'p3']);
    if (!died) break;
  }
});
