import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testKeyring, writeOnly } from '../../test/helpers/keyring.ts';
import { madeData, madeDescription, madeRecovered, madeVerification } from '../../test/helpers/points.ts';
import { localCopies, realPoints } from '../../test/helpers/real-points.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { type MemoryStore, memoryTarget } from '../target/memory/memory.ts';
import { putAttestation, putRecovered } from './attestations.ts';
import { forgetPoint } from './forget.ts';
import { bringKept, keepBack } from './kept.ts';
import { planPrune } from './prune.ts';
import { lastRecoveries } from './recoveries.ts';
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
    last: { point: other, result: 'failed', problem: 'no login' },
    passed: { point: one, result: 'passed' },
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
  expect(await lastRecoveries(mine, 'box', signal)).toEqual({});
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
  expect(left.every((key) => key.includes('.recovered.'))).toBe(true);
  expect(left).toHaveLength(10);
  expect(await lastRecoveries(repository, 'box', signal)).toMatchObject({ passed: { point: one, at: days.at(-1) } });
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
