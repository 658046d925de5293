import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testKeyring, writeOnly } from '../../test/helpers/keyring.ts';
import { madeData, madeDescription, madeRecovered, madeVerification } from '../../test/helpers/points.ts';
import { localCopies, realPoints } from '../../test/helpers/real-points.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { newId } from '../kernel/ids.ts';
import { type MemoryStore, memoryTarget } from '../target/memory/memory.ts';
import { putAttestation, putRecovered } from './attestations.ts';
import { forgetPoint } from './forget.ts';
import { bringKept, keepBack } from './kept.ts';
import { planPrune } from './prune.ts';
import type { Recovered } from './point.ts';
import { lastRecoveries, recoveries } from './recoveries.ts';
import { attestationName } from './names.ts';
import { putRecord } from './record-objects.ts';
import { listPoints, putPoint } from './records.ts';

const keys = testKeyring();
const [one, other] = ['20261118T020000Z-aaaaaa', '20261119T020000Z-bbbbbb'];

test('the last recovery of a point is listed with it, of several the last', async ({ signal }) => {
  const repository = { target: memoryTarget('recoveries', new Map()), keys };
  for (const id of [one, other]) await putPoint(repository, madeDescription(id), madeData, signal);
  await putAttestation(repository, 'box', madeVerification(one), signal);
  await putRecovered(repository, 'box', madeRecovered(one, { at: '2026-11-20T03:00:00.000Z' }), signal);
  const failed = { at: '2026-11-21T03:00:00.000Z', result: 'failed', problem: 'no login' } as const;
  await putRecovered(repository, 'box', madeRecovered(other, failed), signal);
  const { points, damaged } = await listPoints(repository, 'box', signal);
  expect(damaged).toEqual([]);
  expect(points.map(({ trust, recovered }) => [trust, recovered?.result, recovered?.seconds])).toEqual([
    ['recovered', 'passed', 252],
    ['stored', 'failed', 252],
  ]);
  expect(await lastRecoveries(repository, 'box', signal)).toMatchObject({
    drills: { last: { point: other, result: 'failed', problem: 'no login' }, passed: { point: one, result: 'passed' } },
    recoveries: {},
    files: {},
  });
  await putRecovered(repository, 'box', madeRecovered(one, { ...failed, at: '2026-11-22T03:00:00.000Z' }), signal);
  expect((await listPoints(repository, 'box', signal)).points[0]).toMatchObject({ trust: 'read-back' });
});

test('one that was forged is not believed', async ({ signal }) => {
  const store: MemoryStore = new Map();
  const mine = { target: memoryTarget('recoveries', store), keys };
  await putPoint(mine, madeDescription(one), madeData, signal);
  const intruder = { target: mine.target, keys: { ...testKeyring(), recipients: keys.recipients } };
  await putRecovered(intruder, 'box', madeRecovered(one), signal);
  expect(await lastRecoveries(mine, 'box', signal)).toEqual({ recoveries: {}, drills: {}, files: {} });
  const { points, damaged } = await listPoints(mine, 'box', signal);
  expect(points[0]?.trust).toBe('stored');
  expect(damaged).toMatchObject([{ error: { code: 'record-forged' } }]);
});

test('that a point is forgotten makes nobody forget that it was recovered; of many only the last few stay', async ({
  signal,
}) => {
  await using points = await realPoints(keys);
  const { repository, store } = points;
  const point = await points.make(one, 2);
  await points.make(other, 1);
  const local = localCopies([point]);
  const days = Array.from({ length: 12 }, (_, day) => `2026-10-${String(day + 1).padStart(2, '0')}T03:00:00.000Z`);
  for (const at of days) await putRecovered(repository, 'box', madeRecovered(one, { at }), signal);
  await putAttestation(repository, 'box', madeVerification(one), signal);
  await forgetPoint(repository, 'box', local, one, signal);
  const left = [...store.keys()].filter((key) => key.includes('/attestations/') && key.includes(`/${one}.`));
  expect(left.every((key) => key.includes('.drilled.'))).toBe(true);
  expect(left).toHaveLength(10);
  expect(await lastRecoveries(repository, 'box', signal)).toMatchObject({
    drills: { passed: { point: one, at: days.at(-1) } },
  });
  // What is left of it is no rubbish, until later ones have taken its place.
  const prune = async () =>
    (await planPrune(repository, 'box', localCopies([]), { graceMs: 0, nowMs: Date.now() }, signal)).remove;
  expect(await prune()).toEqual([]);
  for (let minute = 10; minute < 20; minute++)
    await putRecovered(repository, 'box', madeRecovered(other, { at: `2026-11-01T03:${minute}:00.000Z` }), signal);
  expect(await prune()).toMatchObject([{ id: one, objects: 10 }]);
});

test('what could not be put on record is brought by the first backup, signed as it was', async ({ signal }) => {
  await using state = await temporaryDirectory();
  const repository = { target: memoryTarget('kept', new Map()), keys };
  await putPoint(repository, madeDescription(one), madeData, signal);
  const path = await keepBack(state.path, repository, 'box', madeRecovered(one, { how: 'recover' }));
  expect(path.startsWith(join(state.path, 'kept/box/attestations/'))).toBe(true);
  // Somebody's own files there are left alone.
  await writeFile(join(state.path, 'kept/box/attestations/notes.txt'), 'x');
  // The host that brings it cannot even read it.
  expect(await bringKept(state.path, { target: repository.target }, 'box', signal)).toBe(1);
  expect(await readdir(join(state.path, 'kept/box/attestations'))).toEqual(['notes.txt']);
  expect(await bringKept(state.path, { target: repository.target }, 'box', signal)).toBe(0);
  expect((await listPoints(repository, 'box', signal)).points[0]).toMatchObject({
    trust: 'recovered',
    recovered: { how: 'recover', seconds: 252 },
  });
});

test('an attempt that was killed after it was stored is finished by the next', async ({ signal }) => {
  await using state = await temporaryDirectory();
  const { target } = { target: memoryTarget('kept', new Map()) };
  const path = await keepBack(state.path, { keys }, 'box', madeRecovered(one));
  const { readFile } = await import('node:fs/promises');
  const bytes = await readFile(path);
  expect(await bringKept(state.path, { target }, 'box', signal)).toBe(1);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, bytes);
  expect(await bringKept(state.path, { target }, 'box', signal)).toBe(1);
  expect(await Array.fromAsync(target.list('', signal))).toHaveLength(1);
  await rm(state.path, { recursive: true });
  expect(await bringKept(state.path, { target }, 'box', signal)).toBe(0);
});

test('without a key nothing can be signed, and nothing is kept', async () => {
  await using state = await temporaryDirectory();
  const unsigned = { keys: { ...writeOnly(keys), signer: undefined } };
  await expect(keepBack(state.path, unsigned, 'box', madeRecovered(one))).rejects.toMatchObject({ code: 'no-key' });
});

const day = (date: number): string => `2026-11-${date}T03:00:00.000Z`;

test('machines, files and recoveries are apart: none hides another, and none pushes another out', async ({
  signal,
}) => {
  await using points = await realPoints(keys);
  const { repository, store } = points;
  const point = await points.make(one, 2);
  const put = async (changes: Partial<Recovered>) =>
    await putRecovered(repository, 'box', madeRecovered(one, changes), signal);
  await put({ at: day(10), how: 'recover' });
  await put({ at: day(11), result: 'failed', problem: 'no login' });
  for (let minute = 10; minute < 25; minute++) await put({ at: `2026-11-12T03:${minute}:00.000Z`, what: 'files' });
  const [listed] = (await listPoints(repository, 'box', signal)).points;
  expect(listed).toMatchObject({
    recovered: { how: 'drill', what: 'machine', result: 'failed' },
    restored: { what: 'files', result: 'passed' },
  });
  expect(listed?.trust).not.toBe('recovered');
  await forgetPoint(repository, 'box', localCopies([point]), one, signal);
  const left = [...store.keys()].filter((key) => key.includes('/attestations/')).map((key) => key.split('.')[2]);
  expect(Object.groupBy(left, (kind) => kind ?? '')).toMatchObject({
    recovered: { length: 1 },
    drilled: { length: 1 },
    restored: { length: 10 },
  });
  expect(await lastRecoveries(repository, 'box', signal)).toMatchObject({
    recoveries: { passed: { at: day(10) } },
    drills: { last: { at: day(11), result: 'failed' } },
    files: { passed: { what: 'files' } },
  });
  const own: Recovered[] = [];
  for await (const recovered of recoveries(repository, 'box', signal)) own.push(recovered);
  expect(own.map(({ how, at }) => [how, at])).toEqual([['recover', day(10)]]);
});

test('what a later version attests is passed over, and is no damage', async ({ signal }) => {
  const store: MemoryStore = new Map();
  const repository = { target: memoryTarget('later', store), keys };
  await putPoint(repository, madeDescription(one), madeData, signal);
  await putRecovered(repository, 'box', madeRecovered(one), signal);
  const key = [...store.keys()].find((name) => name.includes('.drilled.')) ?? '';
  const later = key.replace('.drilled.', '.tested-elsewhere.');
  await repository.target.put(later, Buffer.from('of which nobody here knows'), {}, signal);
  await repository.target.put(key.replace('.drilled.', '.No_kind.'), Buffer.from('x'), {}, signal);
  const { points, damaged, unknown } = await listPoints(repository, 'box', signal);
  expect(points[0]?.trust).toBe('recovered');
  expect(unknown).toEqual([later]);
  expect(damaged).toMatchObject([{ key: expect.stringContaining('No_kind') }]);
});

test('all recoveries of the machine itself are there, the last first, also behind many, and no drill', async ({
  signal,
}) => {
  const repository = { target: memoryTarget('recoveries', new Map()), keys };
  const put = async (point: string, at: string, how: 'recover' | 'drill') =>
    await putRecovered(repository, 'box', madeRecovered(point, { at: `2026-11-${at}Z`, how }), signal);
  await put(one, '20T03:00:00.000', 'recover');
  for (let hour = 0; hour < 12; hour++)
    await put(other, `21T${10 + hour}:00:00.000`, hour % 6 === 0 ? 'drill' : 'recover');
  const found: string[] = [];
  for await (const { point, at } of recoveries(repository, 'box', signal)) found.push(`${point} ${at}`);
  expect(found).toHaveLength(11);
  expect(found[0]).toBe(`${other} 2026-11-21T21:00:00.000Z`);
  expect(found.at(-1)).toBe(`${one} 2026-11-20T03:00:00.000Z`);
});

test('drills that an earlier version called recoveries count for what is in them', async ({ signal }) => {
  const repository = { target: memoryTarget('earlier', new Map()), keys };
  await putPoint(repository, madeDescription(one), madeData, signal);
  const earlier = async (changes: Partial<Recovered> & { readonly at: string }): Promise<void> => {
    const name = attestationName(one, newId(new Date(changes.at)), 'recovered');
    await putRecord(repository, 'box', 'attestations', name, madeRecovered(one, changes), signal);
  };
  await earlier({ at: day(10), how: 'recover' });
  await earlier({ at: day(11), result: 'failed', problem: 'no login' });
  for (let minute = 10; minute < 25; minute++) await earlier({ at: `2026-11-12T03:${minute}:00.000Z`, what: 'files' });
  const { points, damaged } = await listPoints(repository, 'box', signal);
  expect(damaged).toEqual([]);
  expect(points).toMatchObject([
    { recovered: { at: day(11), how: 'drill', result: 'failed' }, restored: { what: 'files', result: 'passed' } },
  ]);
  expect(await lastRecoveries(repository, 'box', signal)).toMatchObject({
    recoveries: { passed: { at: day(10) } },
    drills: { last: { at: day(11), result: 'failed' } },
    files: { last: { at: '2026-11-12T03:24:00.000Z' } },
  });
  const own = await Array.fromAsync(recoveries(repository, 'box', signal));
  expect(own.map(({ at }) => at)).toEqual([day(10)]);
  // And no other name than that.
  const wrong = attestationName(one, newId(new Date(day(13))), 'drilled');
  await putRecord(repository, 'box', 'attestations', wrong, madeRecovered(one, { how: 'recover' }), signal);
  expect((await listPoints(repository, 'box', signal)).damaged).toMatchObject([
    { key: expect.stringContaining(wrong) },
  ]);
});
