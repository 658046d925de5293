import { assert, expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import type { Target } from '../target/target.ts';
import { ATTESTATION_FORMAT, type Attestation, type Point, type PointDescription, trustOf } from './point.ts';
import { findPoint, listPoints, putAttestation, putPoint, readCaptures, removePoint } from './records.ts';

const at = '2026-11-20T02:00:00.000Z';
const fresh = () => memoryTarget('records', new Map());
const ids = ['20261120T020000Z-aaaaaa', '20261120T020000Z-abbbbb', '20261121T020000Z-cccccc'] as const;

const data: Point['data'] = {
  engine: 'tar',
  stored: {},
  entries: 1,
  bytes: 2,
  storedBytes: 3,
  findings: [],
  excluded: [],
  notes: [],
};

function description(id: string, host = 'box'): PointDescription {
  return {
    id,
    createdAt: at,
    host: { name: host },
    include: ['/etc'],
    exclude: [],
    layout: { format: 'lifeboat.layout/1', capturedAt: at, components: [], gaps: [] },
    network: {
      format: 'lifeboat.network/1',
      capturedAt: at,
      hostname: 'box',
      links: [],
      routes: [],
      dns: { servers: [], search: [] },
      gaps: [],
    },
    facts: {
      format: 'lifeboat.facts/1',
      capturedAt: at,
      hostname: 'box',
      osRelease: { id: 'debian', prettyName: 'Debian' },
      kernel: '6.1',
      architecture: 'x86_64',
      cpuCount: 2,
      memoryBytes: 1024,
      firmware: 'unknown',
      packages: {},
      gaps: [],
    },
    coverage: [],
  };
}

function attestation(id: string, changes: Partial<Attestation> = {}): Attestation {
  return {
    format: ATTESTATION_FORMAT,
    point: id,
    kind: 'verified',
    level: 'read-back',
    result: 'passed',
    damage: [],
    at,
    by: { host: 'box', version: '1' },
    ...changes,
  };
}

async function filled(signal: AbortSignal): Promise<Target> {
  const target = fresh();
  for (const id of ids) await putPoint(target, description(id), data, signal);
  return target;
}

test('points come in the order in which they arrived, whatever they are called', async ({ signal }) => {
  const target = fresh();
  const arrivals = [3000, 1000, 2000];
  for (const id of ids) await putPoint(target, description(id), data, signal);
  const dated: Target = {
    ...target,
    async *list(prefix, stop) {
      for await (const entry of target.list(prefix, stop)) {
        yield { ...entry, mtimeMs: arrivals[ids.findIndex((id) => entry.key.includes(id))] ?? 0 };
      }
    },
  };
  const { points } = await listPoints(dated, 'box', signal);
  expect(points.map((one) => [one.point.id, one.arrivedMs])).toEqual([
    [ids[1], 1000],
    [ids[2], 2000],
    [ids[0], 3000],
  ]);
  expect((await findPoint(dated, 'box', 'latest', signal)).point.id).toBe(ids[0]);
});

test('a host sees its own points, and of those what is on record', async ({ signal }) => {
  const target = await filled(signal);
  await putPoint(target, description('20261122T020000Z-dddddd', 'other'), data, signal);
  await putPoint(target, description('20261122T020000Z-dddddd', 'box2'), data, signal);
  await removePoint(target, 'box', ids[1], signal);
  await removePoint(target, 'box', ids[1], signal);
  const { points } = await listPoints(target, 'box', signal);
  expect(points.map((one) => one.point.id)).toEqual([ids[0], ids[2]]);
  const { layout, network, facts, coverage, ...head } = description(ids[0]);
  const [first] = points;
  assert(first);
  expect(first.point).toMatchObject({ ...head, data });
  expect(await readCaptures(target, first.point, signal)).toMatchObject({ layout, network, facts, coverage });
});

test('a damaged record is named, and keeps no other from the list', async ({ signal }) => {
  const target = await filled(signal);
  const broken = {
    'not-json': '{',
    'no-point': '{}',
    newer: JSON.stringify({ format: 'lifeboat.point/3' }),
    large: ' '.repeat(64 * 1024 * 1024 + 1),
  };
  for (const [name, text] of Object.entries(broken)) {
    await target.put(`lifeboat/box/points/${name}.json`, Buffer.from(text), {}, signal);
  }
  await target.put('lifeboat/box/attestations/bad.json', Buffer.from('x'), {}, signal);
  const { points, damaged } = await listPoints(target, 'box', signal);
  expect(points.map((one) => one.point.id)).toEqual(ids);
  const found = damaged.map(({ key, error }) => `${key.replace('lifeboat/box/', '')}: ${error.code}`);
  expect(found.sort()).toEqual([
    'attestations/bad.json: record-damaged',
    'points/large.json: output-too-large',
    'points/newer.json: newer-format',
    'points/no-point.json: record-damaged',
    'points/not-json.json: record-damaged',
  ]);
  await expect(findPoint(target, 'box', 'newer', signal)).rejects.toMatchObject({ code: 'newer-format' });
  expect((await findPoint(target, 'box', ids[0], signal)).point.id).toBe(ids[0]);
});

test('a record that goes while the list is made is not in it', async ({ signal }) => {
  const target = await filled(signal);
  const going: Target = {
    ...target,
    async *get(key, range, stop) {
      if (key.includes(ids[1])) await target.remove(key, stop);
      yield* target.get(key, range, stop);
    },
  };
  const { points, damaged } = await listPoints(going, 'box', signal);
  expect(points.map((one) => one.point.id)).toEqual([ids[0], ids[2]]);
  expect(damaged).toEqual([]);
});

test('a target that fails is an error, not an empty list', async ({ signal }) => {
  const target = await filled(signal);
  const failing: Target = {
    ...target,
    // oxlint-disable-next-line require-yield -- it fails before it gives anything
    async *get() {
      throw new LifeboatError('unreachable', 'gone');
    },
  };
  await expect(listPoints(failing, 'box', signal)).rejects.toMatchObject({ code: 'unreachable' });
});

test('a point is found by its id, its beginning, or as the latest', async ({ signal }) => {
  const target = await filled(signal);
  const find = async (name: string) => (await findPoint(target, 'box', name, signal)).point.id;
  expect(await find(ids[0])).toBe(ids[0]);
  expect(await find('20261121')).toBe(ids[2]);
  expect(await find('20261120T020000Z-ab')).toBe(ids[1]);
  expect(await find('latest')).toBe(ids[2]);
  await expect(find('20261120')).rejects.toMatchObject({ code: 'usage' });
  await expect(find('2025')).rejects.toMatchObject({ code: 'not-found' });
  await expect(findPoint(fresh(), 'box', 'latest', signal)).rejects.toMatchObject({ code: 'not-found' });
});

test('who asks for the latest gets no older one in its place', async ({ signal }) => {
  const target = await filled(signal);
  await target.put(`lifeboat/box/points/${ids[2]}.json`, Buffer.from('{'), {}, signal);
  await expect(findPoint(target, 'box', 'latest', signal)).rejects.toMatchObject({
    code: 'record-damaged',
    message: expect.stringContaining(ids[2]),
    hint: expect.stringContaining(ids[1]),
  });
  await target.remove(`lifeboat/box/points/${ids[2]}.json`, signal);
  await target.put(`lifeboat/box/points/${ids[0]}.json`, Buffer.from('{'), {}, signal);
  expect((await findPoint(target, 'box', 'latest', signal)).point.id).toBe(ids[1]);
});

test('the newest attestation of a point counts, and only its own', async ({ signal }) => {
  const target = await filled(signal);
  await putAttestation(target, 'box', attestation(ids[0]), signal);
  await putAttestation(
    target,
    'box',
    attestation(ids[1], { result: 'damaged', at: '2026-11-22T02:00:00.000Z' }),
    signal,
  );
  await putAttestation(target, 'box', attestation(ids[1], { at: '2026-11-21T02:00:00.000Z' }), signal);
  const { points } = await listPoints(target, 'box', signal);
  expect(points.map(({ trust }) => trust)).toEqual(['read-back', 'damaged', 'stored']);
  const repaired = attestation(ids[1], { at: '2026-11-23T02:00:00.000Z' });
  await putAttestation(target, 'box', repaired, signal);
  expect((await findPoint(target, 'box', ids[1], signal)).trust).toBe('read-back');
  expect(trustOf([])).toBe('stored');
});
