import { expect, test } from 'vitest';
import { testKeyring, writeOnly } from '../../test/helpers/keyring.ts';
import { madeData, madeDescription } from '../../test/helpers/points.ts';
import { localCopies } from '../../test/helpers/real-points.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import { missingFindings, missingRecords } from './missing.ts';
import type { Point } from './point.ts';
import { putPoint, removePoint } from './records.ts';

const ids = ['20201120T020000Z-aaaaaa', '20201121T020000Z-bbbbbb', '20201122T020000Z-cccccc'] as const;

test('what this host put on record and nobody forgot here is missed', async ({ signal }) => {
  const keys = testKeyring();
  const target = memoryTarget('missing', new Map());
  const points: Point[] = [];
  for (const id of ids) points.push(await putPoint({ target, keys }, madeDescription(id), madeData, signal));
  const local = localCopies(points);
  const missing = async (ring = keys) => await missingRecords({ target, keys: ring }, 'box', local, signal);
  expect(await missing()).toEqual([]);
  await removePoint({ target }, 'box', ids[0], signal);
  expect(await missing()).toEqual([ids[0]]);
  // Points of a host that cannot read are forgotten elsewhere, but never the newest.
  expect(await missingRecords({ target, keys: writeOnly(keys) }, 'box', local, signal)).toEqual([]);
  await removePoint({ target }, 'box', ids[2], signal);
  expect(await missingRecords({ target, keys: writeOnly(keys) }, 'box', local, signal)).toEqual([ids[2]]);
  const [finding] = missingFindings(await missing(), local);
  expect(finding?.problem).toContain(`${ids[0]}, ${ids[2]}`);
  await local.remove(ids[0]);
  expect(await missing()).toEqual([ids[2]]);
  expect(missingFindings([], local)).toEqual([]);
});
