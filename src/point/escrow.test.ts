import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { noKeys } from '../keys/keyring.ts';
import type { HeaderCopy } from '../layout/luks-copy.ts';
import { type MemoryStore, memoryTarget } from '../target/memory/memory.ts';
import type { Target } from '../target/target.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { testKeyring, writeOnly } from '../../test/helpers/keyring.ts';
import { madeData, madeDescription } from '../../test/helpers/points.ts';
import { escrowProblem, headerImage, putEscrow, rebuiltEscrow, volumeKey } from './escrow.ts';
import type { Point } from './point.ts';
import type { Repository } from './record-objects.ts';
import { listPoints, putPoint, removePoint } from './records.ts';
import { dropVolumeKey, keepVolumeKey, readVolumeKeys } from './volume-keys.ts';

const id = '20261120T020000Z-aaaaaa';
const readAt = '2026-11-20T02:00:00.000Z';
const keys = testKeyring();

const copy = (uuid: string, fill: number, size = 4096): HeaderCopy => ({
  uuid,
  version: 2,
  sizeBytes: 3 * size,
  parts: [
    { offsetBytes: 0, bytes: Buffer.alloc(size, fill) },
    { offsetBytes: 2 * size, bytes: Buffer.alloc(size / 2, fill + 1) },
  ],
});

function repository(store: MemoryStore, ring = keys): Repository {
  return { target: memoryTarget('escrow', store), keys: ring };
}

async function withEscrow(store: MemoryStore, copied: readonly HeaderCopy[], signal: AbortSignal): Promise<Point> {
  const place = repository(store);
  const escrow = await putEscrow(place, 'box', id, { readAt, copied, missing: [] }, signal);
  return await putPoint(place, madeDescription(id), madeData, signal, { escrow });
}

test('what was kept comes back as an image, and nothing of it lies there in plain', async ({ signal }) => {
  const store: MemoryStore = new Map();
  await withEscrow(store, [copy('one', 0xa0), copy('two', 0xb0)], signal);
  const [listed] = (await listPoints(repository(store), 'box', signal)).points;
  if (listed === undefined) throw new Error('no point');
  expect(listed.point.escrow).toMatchObject({ readAt, volumes: ['one', 'two'], missing: [] });
  const image = await headerImage(repository(store), listed.point, 'two', signal);
  expect(image).toMatchObject({ uuid: 'two', version: 2, readAt });
  const expected = Buffer.concat([
    Buffer.alloc(4096, 0xb0),
    Buffer.alloc(4096),
    Buffer.alloc(2048, 0xb1),
    Buffer.alloc(2048),
  ]);
  expect(image.bytes.equals(expected)).toBe(true);
  expect([...store.keys()]).toContain(`lifeboat/box/escrow/${id}.age`);
  for (const { bytes } of store.values()) {
    expect(Buffer.from(bytes).includes(Buffer.alloc(16, 0xb0))).toBe(false);
    expect(Buffer.from(bytes).includes(Buffer.alloc(48, 0xb0).toString('base64'))).toBe(false);
  }
  await expect(headerImage(repository(store), listed.point, 'three', signal)).rejects.toMatchObject({
    code: 'not-found',
    hint: 'It has those of one, two.',
  });
  await removePoint(repository(store), 'box', id, signal);
  expect([...store.keys()]).toEqual([]);
});

test('a host that only stores keeps them and cannot read them', async ({ signal }) => {
  const store: MemoryStore = new Map();
  const point = await withEscrow(store, [copy('one', 0xa0)], signal);
  const host = repository(store, { ...keys, ...writeOnly(keys) });
  await expect(headerImage(host, point, 'one', signal)).rejects.toMatchObject({ code: 'no-key' });
  expect(await escrowProblem(host, point, signal)).toBeUndefined();
  store.delete(`lifeboat/box/escrow/${id}.age`);
  expect(await escrowProblem(host, point, signal)).toBe('it is not there');
});

test('what is damaged, gone or of another point is not taken', async ({ signal }) => {
  const store: MemoryStore = new Map();
  const point = await withEscrow(store, [copy('one', 0xa0)], signal);
  expect(await escrowProblem(repository(store), point, signal)).toBeUndefined();
  const key = `lifeboat/box/escrow/${id}.age`;
  const stored = store.get(key);
  if (stored === undefined) throw new Error('nothing was stored');
  const bytes = Buffer.from(stored.bytes);
  bytes[bytes.length - 9] = (bytes.at(-9) ?? 0) ^ 1;
  store.set(key, { ...stored, bytes });
  await expect(headerImage(repository(store), point, 'one', signal)).rejects.toMatchObject({ code: 'record-damaged' });
  expect(await escrowProblem(repository(store), point, signal)).toContain('damaged');
  // Somebody with our key has put another in its place.
  store.delete(key);
  await putEscrow(repository(store), 'box', id, { readAt, copied: [copy('one', 0xc0)], missing: [] }, signal);
  await expect(headerImage(repository(store), point, 'one', signal)).rejects.toMatchObject({ code: 'record-damaged' });
  store.delete(key);
  expect(await escrowProblem(repository(store), point, signal)).toBeDefined();
  await expect(headerImage(repository(store), point, 'one', signal)).rejects.toMatchObject({ code: 'not-found' });
});

test('what there is no room for is missing, and the rest is kept', async ({ signal }) => {
  const many = Array.from({ length: 5 }, (_, number) => copy(`disk${number}`, number, 8 * 1024 * 1024));
  const place = repository(new Map(), keys);
  const kept = await putEscrow(place, 'box', id, { readAt, copied: many, missing: [] }, signal);
  expect(kept.volumes).toEqual(['disk0', 'disk1', 'disk2']);
  expect(kept.missing.map(({ subject }) => subject)).toEqual(['luks:disk3', 'luks:disk4']);
});

test('what was kept with another point, or of another host, is not taken for that of this one', async ({ signal }) => {
  const store: MemoryStore = new Map();
  const point = await withEscrow(store, [copy('one', 0xa0)], signal);
  const kept = { readAt, copied: [copy('one', 0xa0)], missing: [] };
  const other = '20261120T020000Z-bbbbbb';
  await putEscrow(repository(store), 'box', other, kept, signal);
  await putEscrow(repository(store), 'box2', id, kept, signal);
  const key = `lifeboat/box/escrow/${id}.age`;
  for (const from of [`lifeboat/box/escrow/${other}.age`, `lifeboat/box2/escrow/${id}.age`]) {
    const object = store.get(from);
    if (object === undefined) throw new Error('nothing was stored');
    store.set(key, object);
    await expect(headerImage(repository(store), point, 'one', signal)).rejects.toMatchObject({
      code: expect.stringMatching(/^record-/),
    });
    expect(await escrowProblem(repository(store), point, signal)).toBeDefined();
    // Nor does a record that is made anew name it, and it says so.
    const { layout } = madeDescription(id);
    const rebuilt = await rebuiltEscrow(repository(store), { id, host: point.host, layout }, signal);
    expect(rebuilt).toMatchObject({
      volumes: [],
      missing: [{ subject: 'LUKS headers', problem: expect.stringContaining('what is there cannot be used') }],
    });
    expect(rebuilt).not.toHaveProperty('object');
  }
});

test.for(['full', 'acknowledges and stores nothing', 'stores a part'])(
  'a target that is %s: no record names what is not there',
  async (how, { signal }) => {
    const place = repository(new Map());
    const target: Target = {
      ...place.target,
      async put(key, _body, options, inner) {
        if (how === 'full') throw new LifeboatError('no-space', 'full');
        if (how === 'stores a part') await place.target.put(key, Buffer.from('x'), options, inner);
        return { size: 1 };
      },
    };
    const kept = { readAt, copied: [copy('one', 1)], missing: [] };
    await expect(putEscrow({ ...place, target }, 'box', id, kept, signal)).rejects.toMatchObject({
      code: how === 'full' ? 'no-space' : 'target-failed',
    });
  },
);

test('one that could not be read back costs no other', async ({ signal }) => {
  const odd = { ...copy('odd', 1), sizeBytes: 2 ** 40 };
  const beyond = { ...copy('beyond', 2), sizeBytes: 4096 };
  // Which of these two opens the volume, nobody knows.
  const twice = [copy('twice', 3), copy('twice', 4)];
  const place = repository(new Map());
  const copied = [odd, beyond, ...twice, copy('good', 5)];
  const escrow = await putEscrow(place, 'box', id, { readAt, copied, missing: [] }, signal);
  expect(escrow.volumes).toEqual(['good']);
  expect(escrow.missing.map(({ subject, problem }) => `${subject}: ${problem.split(': ')[1]}`).sort()).toEqual([
    'luks:beyond: it is not as a header can be',
    'luks:odd: it is not as a header can be',
    'luks:twice: several volumes have this UUID',
    'luks:twice: several volumes have this UUID',
  ]);
  const point = await putPoint(place, madeDescription(id), madeData, signal, { escrow });
  expect((await headerImage(place, point, 'good', signal)).bytes.subarray(0, 4096)).toEqual(Buffer.alloc(4096, 5));
});

test('the smallest come first, so that a large one leaves no other out', async ({ signal }) => {
  const large = { ...copy('large', 1), parts: [{ offsetBytes: 0, bytes: Buffer.alloc(40 * 1024 * 1024) }] };
  const copied = [{ ...large, sizeBytes: 64 * 1024 * 1024 }, copy('root', 2)];
  const escrow = await putEscrow(repository(new Map()), 'box', id, { readAt, copied, missing: [] }, signal);
  expect(escrow.volumes).toEqual(['root']);
});

test('nothing is written where it would not be encrypted', async ({ signal }) => {
  const store: MemoryStore = new Map();
  const kept = { readAt, copied: [copy('one', 1)], missing: [] };
  await expect(
    putEscrow({ target: memoryTarget('escrow', store), keys: noKeys }, 'box', id, kept, signal),
  ).rejects.toMatchObject({
    code: 'refused',
  });
  expect(store.size).toBe(0);
});

test('why there is none of a volume is what is said of it, not of another', async ({ signal }) => {
  const place = repository(new Map());
  const missing = [
    { subject: '/dev/dead', problem: 'dd: /dev/dead did not answer' },
    { subject: 'luks:one', problem: 'its LUKS header is not kept: the volume is being encrypted anew' },
  ];
  const escrow = { readAt, volumes: [], missing };
  const point = await putPoint(place, madeDescription(id), madeData, signal, { escrow });
  await expect(headerImage(place, point, 'one', signal)).rejects.toThrow('is being encrypted anew');
  await expect(headerImage(place, point, 'two', signal)).rejects.toThrow(/no LUKS header of two$/);
});

test('a point without any says why', async ({ signal }) => {
  const place = { target: memoryTarget('escrow', new Map()), keys: noKeys };
  const missing = [{ subject: 'LUKS headers', problem: 'not kept, as the repository is not encrypted' }];
  const escrow = await putEscrow(place, 'box', id, { readAt, copied: [], missing }, signal);
  expect(escrow).toEqual({ readAt, volumes: [], missing });
  const point = await putPoint(place, madeDescription(id), madeData, signal, { escrow });
  await expect(headerImage(place, point, 'one', signal)).rejects.toThrow(
    'one: not kept, as the repository is not encrypted',
  );
  // Nor does one of an earlier version have any.
  const older = await putPoint(place, madeDescription('20261120T020000Z-bbbbbb'), madeData, signal);
  await expect(headerImage(place, older, 'one', signal)).rejects.toMatchObject({ code: 'not-found' });
  expect(await escrowProblem(place, older, signal)).toBeUndefined();
});

test('the key of a volume is kept where somebody asked for that, sealed as the host has it itself', async ({
  signal,
}) => {
  await using state = await temporaryDirectory();
  const store: MemoryStore = new Map();
  await expect(keepVolumeKey(state.path, 'one', Buffer.alloc(64, 7), [])).rejects.toMatchObject({ code: 'refused' });
  // A host that opens nothing keeps it all the same.
  await keepVolumeKey(state.path, 'one', Buffer.alloc(64, 7), writeOnly(keys).recipients);
  await keepVolumeKey(state.path, 'gone', Buffer.alloc(64, 8), keys.recipients);
  const volumeKeys = await readVolumeKeys(state.path);
  for (const bytes of volumeKeys.values()) expect(bytes.includes(Buffer.alloc(16, 7))).toBe(false);
  const copied = [copy('one', 0xa0), copy('two', 0xb0)];
  const escrow = await putEscrow(repository(store), 'box', id, { readAt, copied, missing: [], volumeKeys }, signal);
  expect(escrow).toMatchObject({ volumes: ['one', 'two'], volumeKeys: ['one'] });
  const point = await putPoint(repository(store), madeDescription(id), madeData, signal, { escrow });
  expect((await volumeKey(repository(store), point, 'one', signal)).equals(Buffer.alloc(64, 7))).toBe(true);
  await expect(volumeKey(repository(store), point, 'two', signal)).rejects.toMatchObject({ code: 'not-found' });
  expect(await rebuiltEscrow(repository(store), madeDescription(id), signal)).toMatchObject({ volumeKeys: ['one'] });
  expect(await dropVolumeKey(state.path, 'one')).toBe(true);
  expect(await dropVolumeKey(state.path, 'one')).toBe(false);
  expect([...(await readVolumeKeys(state.path)).keys()]).toEqual(['gone']);
  expect((await readVolumeKeys(join(state.path, 'nothing'))).size).toBe(0);
});
