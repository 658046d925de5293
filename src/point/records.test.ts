import { setTimeout } from 'node:timers/promises';
import { assert, expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { type Keyring, noKeys } from '../keys/keyring.ts';
import { type MemoryStore, memoryTarget } from '../target/memory/memory.ts';
import { getBytes, type Target } from '../target/target.ts';
import { testKeyring, writeOnly } from '../../test/helpers/keyring.ts';
import { madeData, madeDescription, madeVerification } from '../../test/helpers/points.ts';
import { sealDocument } from './envelope.ts';
import { putAttestation } from './attestations.ts';
import { findPoint } from './find.ts';
import { type Attestation, ATTESTATION_FORMAT, type Pin } from './point.ts';
import type { Repository } from './record-objects.ts';
import { cannotRead, listPoints, putPoint, readCaptures, removePoint } from './records.ts';

const ids = ['20201120T020000Z-aaaaaa', '20201120T020000Z-abbbbb', '20201121T020000Z-cccccc'] as const;
const keys = testKeyring();

function repositoryOn(target: Target, ring: Keyring = keys): Repository {
  return { target, keys: ring };
}

const fresh = (ring: Keyring = keys) => repositoryOn(memoryTarget('records', new Map()), ring);

async function filled(signal: AbortSignal, ring: Keyring = keys): Promise<Repository> {
  const repository = fresh(ring);
  for (const id of ids) await putPoint(repository, madeDescription(id), madeData, signal);
  return repository;
}

test('points come in the order in which they arrived, whatever they are called', async ({ signal }) => {
  const repository = fresh();
  const arrivals = [3000, 1000, 2000];
  for (const id of ids) await putPoint(repository, madeDescription(id), madeData, signal);
  const { target } = repository;
  const dated = repositoryOn({
    ...target,
    async *list(prefix, stop) {
      for await (const entry of target.list(prefix, stop)) {
        yield { ...entry, mtimeMs: arrivals[ids.findIndex((id) => entry.key.includes(id))] ?? 0 };
      }
    },
  });
  const { points } = await listPoints(dated, 'box', signal);
  expect(points.map((one) => [one.point.id, one.arrivedMs])).toEqual([
    [ids[1], 1000],
    [ids[2], 2000],
    [ids[0], 3000],
  ]);
  // Whoever can write to the storage says when what arrived: which is the latest is not certain.
  await expect(findPoint(dated, 'box', 'latest', signal)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining(`${ids[0]} arrived last, but ${ids[2]} was made after it`),
  });
  // A clock that was ahead is no reason.
  await putPoint(repository, madeDescription('29990101T000000Z-dddddd'), madeData, signal);
  await removePoint(repository, 'box', ids[2], signal);
  expect((await findPoint(dated, 'box', 'latest', signal)).point.id).toBe(ids[0]);
});

test('a host sees its own points, and of those what is on record', async ({ signal }) => {
  const repository = await filled(signal);
  await putPoint(repository, madeDescription('20201122T020000Z-dddddd', 'other'), madeData, signal);
  await putPoint(repository, madeDescription('20201122T020000Z-dddddd', 'box2'), madeData, signal);
  await removePoint(repository, 'box', ids[1], signal);
  await removePoint(repository, 'box', ids[1], signal);
  const { points } = await listPoints(repository, 'box', signal);
  expect(points.map((one) => one.point.id)).toEqual([ids[0], ids[2]]);
  const { layout, network, facts, coverage, ...head } = madeDescription(ids[0]);
  const [first] = points;
  assert(first);
  expect(first.point).toMatchObject({ ...head, data: madeData });
  expect(await readCaptures(repository, first.point, signal)).toMatchObject({ layout, network, facts, coverage });
});

test('a damaged or forged record is named, and keeps no other from the list', async ({ signal }) => {
  const repository = await filled(signal);
  const { target } = repository;
  const key = (name: string) => `lifeboat/box/points/${name}`;
  const stranger = testKeyring();
  // Encrypted so that we can open it, and signed by somebody else.
  const forger: Keyring = { ...stranger, recipients: keys.recipients };
  const unsigned: Keyring = { ...keys, signs: false, signer: undefined };
  const point = (await findPoint(repository, 'box', ids[0], signal)).point;
  const other = await getBytes(target, key(`${ids[0]}.age`), 1 << 20, signal);
  const flipped = Buffer.from(other);
  flipped[flipped.length - 1] = (flipped.at(-1) ?? 0) ^ 1;
  const broken = {
    'earlier.json': Buffer.from('{}'),
    'flipped.age': flipped,
    'foreign.age': sealDocument(stranger, key('foreign.age'), { ...point, id: 'foreign' }),
    'forged.age': sealDocument(forger, key('forged.age'), { ...point, id: 'forged' }),
    'large.age': Buffer.alloc(64 * 1024 * 1024 + 1),
    'moved.age': other,
    'newer.age': sealDocument(keys, key('newer.age'), { format: 'lifeboat.point/3' }),
    'no-point.age': sealDocument(keys, key('no-point.age'), {}),
    'other-id.age': sealDocument(keys, key('other-id.age'), point),
    'short.age': other.subarray(0, 100),
    'unsigned.zst': sealDocument({ ...unsigned, recipients: [] }, key('unsigned.zst'), { ...point, id: 'unsigned' }),
  };
  for (const [name, bytes] of Object.entries(broken)) await target.put(key(name), bytes, {}, signal);
  await target.put('lifeboat/box/attestations/bad', Buffer.from('x'), {}, signal);
  await target.put(`lifeboat/box/attestations/${ids[2]}.x.verified.age`, other, {}, signal);
  const { points, damaged } = await listPoints(repository, 'box', signal);
  expect(points.map((one) => [one.point.id, one.trust])).toEqual(ids.map((id) => [id, 'stored']));
  const found = damaged.map((one) => `${one.key.replace('lifeboat/box/', '')}: ${one.error.code}`);
  expect(found.sort()).toEqual([
    `attestations/${ids[2]}.x.verified.age: record-damaged`,
    'attestations/bad: record-damaged',
    'points/earlier.json: record-damaged',
    'points/flipped.age: record-damaged',
    'points/foreign.age: no-key',
    'points/forged.age: record-forged',
    'points/large.age: output-too-large',
    'points/moved.age: record-damaged',
    'points/newer.age: newer-format',
    'points/no-point.age: record-damaged',
    'points/other-id.age: record-damaged',
    'points/short.age: record-damaged',
    'points/unsigned.zst: record-forged',
  ]);
  await expect(findPoint(repository, 'box', 'newer', signal)).rejects.toMatchObject({ code: 'newer-format' });
  expect((await findPoint(repository, 'box', ids[0], signal)).point.id).toBe(ids[0]);
});

test("another host's record is not this one's, though its keys are known", async ({ signal }) => {
  const repository = await filled(signal);
  const { target } = repository;
  const sealed = await getBytes(target, `lifeboat/box/points/${ids[0]}.age`, 1 << 20, signal);
  await target.put(`lifeboat/other/points/${ids[0]}.age`, sealed, {}, signal);
  const { points, damaged } = await listPoints(repository, 'other', signal);
  expect({ points, codes: damaged.map(({ error }) => error.code) }).toEqual({ points: [], codes: ['record-damaged'] });
});

test('a record that was planted beside a right one changes nothing', async ({ signal }) => {
  const repository = await filled(signal);
  const stranger = { ...testKeyring(), recipients: [] };
  const key = `lifeboat/box/points/${ids[0]}.zst`;
  const planted = sealDocument(stranger, key, { ...(await findPoint(repository, 'box', ids[0], signal)).point });
  await repository.target.put(key, planted, {}, signal);
  expect((await findPoint(repository, 'box', ids[0], signal)).key).toBe(`lifeboat/box/points/${ids[0]}.age`);
  const { points, damaged } = await listPoints(repository, 'box', signal);
  expect(points).toHaveLength(3);
  expect(damaged).toMatchObject([{ key, error: { code: 'record-forged' } }]);
});

test('what is stored is encrypted; a host without an identity stores, and reads nothing', async ({ signal }) => {
  const repository = await filled(signal, writeOnly(keys));
  expect(cannotRead(repository)).toBe(true);
  const stored = await Promise.all(
    (await Array.fromAsync(repository.target.list('', signal))).map(({ key }) =>
      getBytes(repository.target, key, 1 << 20, signal),
    ),
  );
  expect(stored).toHaveLength(6);
  for (const bytes of stored) {
    expect(bytes.subarray(0, 22).toString()).toBe('age-encryption.org/v1\n');
    expect(bytes.includes('lifeboat.')).toBe(false);
  }
  let fetched = 0;
  const counting = repositoryOn(
    {
      ...repository.target,
      get(...given) {
        fetched += 1;
        return repository.target.get(...given);
      },
    },
    repository.keys,
  );
  const { points, damaged } = await listPoints(counting, 'box', signal);
  expect([points.length, damaged.map(({ error }) => error.code)]).toEqual([0, ['no-key', 'no-key', 'no-key']]);
  await expect(findPoint(counting, 'box', 'latest', signal)).rejects.toMatchObject({ code: 'no-key' });
  expect(fetched).toBe(0);
  expect((await listPoints({ ...repository, keys }, 'box', signal)).points).toHaveLength(3);
});

test('without keys records are plain, and any are taken as they are', async ({ signal }) => {
  const repository = await filled(signal, noKeys);
  const [key] = (await Array.fromAsync(repository.target.list('lifeboat/box/points', signal))).map((one) => one.key);
  expect(key).toMatch(/\.zst$/);
  expect((await listPoints(repository, 'box', signal)).points).toHaveLength(3);
});

test('records are written once; the same again is no error, another is', async ({ signal }) => {
  for (const exclusivePut of [true, false]) {
    const repository = fresh();
    const traits = { ...repository.target.traits, exclusivePut };
    const target: Target = {
      ...repository.target,
      traits,
      put: async (key, body, options, stop) => {
        if (!exclusivePut && options.ifAbsent === true) throw new Error('this target cannot');
        return await repository.target.put(key, body, options, stop);
      },
    };
    const put = async (data = madeData) =>
      await putPoint({ ...repository, target }, madeDescription(ids[0]), data, signal);
    const first = await put();
    const before = await getBytes(target, `lifeboat/box/points/${ids[0]}.age`, 1 << 20, signal);
    expect(await put()).toEqual(first);
    await expect(put({ ...madeData, entries: 7 })).rejects.toMatchObject({ code: 'exists' });
    expect(await getBytes(target, `lifeboat/box/points/${ids[0]}.age`, 1 << 20, signal)).toEqual(before);
  }
});

test('captures other than those on record are refused', async ({ signal }) => {
  const repository = await filled(signal);
  const { point } = await findPoint(repository, 'box', ids[0], signal);
  const key = `lifeboat/box/captures/${ids[0]}.age`;
  const { format: _format, id: _id, ...rest } = await readCaptures(repository, point, signal);
  const others = { format: 'lifeboat.captures/1', id: ids[0], ...rest, coverage: [{}] };
  await repository.target.put(key, sealDocument(keys, key, others), {}, signal);
  await expect(readCaptures(repository, point, signal)).rejects.toMatchObject({
    code: 'record-damaged',
    message: expect.stringContaining('is not what the record'),
  });
});

test('a record that goes while the list is made is not in it', async ({ signal }) => {
  const repository = await filled(signal);
  const { target } = repository;
  const going = repositoryOn({
    ...target,
    async *get(key, range, stop) {
      if (key.includes(ids[1])) await target.remove(key, stop);
      yield* target.get(key, range, stop);
    },
  });
  const { points, damaged } = await listPoints(going, 'box', signal);
  expect(points.map((one) => one.point.id)).toEqual([ids[0], ids[2]]);
  expect(damaged).toEqual([]);
});

test('a target that fails is an error, not an empty list', async ({ signal }) => {
  const repository = await filled(signal);
  const failing = repositoryOn({
    ...repository.target,
    // oxlint-disable-next-line require-yield -- it fails before it gives anything
    async *get() {
      throw new LifeboatError('unreachable', 'gone');
    },
  });
  await expect(listPoints(failing, 'box', signal)).rejects.toMatchObject({ code: 'unreachable' });
});

test('a point is found by its id, its beginning, or as the latest', async ({ signal }) => {
  const repository = await filled(signal);
  const find = async (name: string) => (await findPoint(repository, 'box', name, signal)).point.id;
  expect(await find(ids[0])).toBe(ids[0]);
  expect(await find('20201121')).toBe(ids[2]);
  expect(await find('20201120T020000Z-ab')).toBe(ids[1]);
  expect(await find('latest')).toBe(ids[2]);
  await expect(find('20201120')).rejects.toMatchObject({ code: 'usage' });
  await expect(find('2025')).rejects.toMatchObject({ code: 'not-found' });
  await expect(findPoint(fresh(), 'box', 'latest', signal)).rejects.toMatchObject({ code: 'not-found' });
});

test('who asks for the latest gets no older one in its place', async ({ signal }) => {
  const repository = await filled(signal);
  const { target } = repository;
  await target.put(`lifeboat/box/points/${ids[2]}.age`, Buffer.from('{'), {}, signal);
  await expect(findPoint(repository, 'box', 'latest', signal)).rejects.toMatchObject({
    code: 'record-damaged',
    message: expect.stringContaining(ids[2]),
    hint: expect.stringContaining(ids[1]),
  });
  await target.remove(`lifeboat/box/points/${ids[2]}.age`, signal);
  await target.put(`lifeboat/box/points/${ids[0]}.age`, Buffer.from('{'), {}, signal);
  expect((await findPoint(repository, 'box', 'latest', signal)).point.id).toBe(ids[1]);
});

const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toISOString();

function madePin(kind: Pin['kind'], at: string): Pin {
  const by = { host: 'box', version: '1' };
  return { format: ATTESTATION_FORMAT, point: ids[1], kind, reason: 'audit', at, by };
}

test('of what is attested of a point the last to be made counts, and nothing else is read', async ({ signal }) => {
  const repository = await filled(signal);
  const { target } = repository;
  const attest = async (attestation: Attestation) => {
    await putAttestation(repository, 'box', attestation, signal);
    // The next one arrives later, by the clock of the target.
    await setTimeout(2);
  };
  await attest(madeVerification(ids[0]));
  // By a clock that was ahead.
  await attest(madeVerification(ids[1], { at: ago(-40 * 86_400) }));
  await setTimeout(1100);
  await attest(madeVerification(ids[1], { result: 'damaged', at: ago(0) }));
  await attest(madeVerification(ids[1], { at: ago(3600) }));
  await attest(madePin('pinned', ago(7200)));
  const reads: string[] = [];
  const counting = repositoryOn({
    ...target,
    get(key, ...given) {
      reads.push(key);
      return target.get(key, ...given);
    },
  });
  const { points } = await listPoints(counting, 'box', signal);
  expect(points.map(({ trust, pin: reason }) => [trust, reason?.reason])).toEqual([
    ['read-back', undefined],
    ['damaged', 'audit'],
    ['stored', undefined],
  ]);
  // Of two orders that disagree both are looked at.
  expect(reads.filter((key) => key.includes('attestations'))).toHaveLength(4);
  await setTimeout(1100);
  await attest(madeVerification(ids[1], { at: ago(0) }));
  await attest(madePin('unpinned', ago(3600)));
  const found = await findPoint(repository, 'box', ids[1], signal);
  expect([found.trust, found.pin]).toEqual(['read-back', undefined]);
});

test('what was attested is not undone by one of before that arrives anew', async ({ signal }) => {
  const store: MemoryStore = new Map();
  const repository = repositoryOn(memoryTarget('records', store));
  for (const id of ids) await putPoint(repository, madeDescription(id), madeData, signal);
  for (const one of [
    madeVerification(ids[1], { at: ago(50) }),
    madeVerification(ids[1], { result: 'damaged', at: ago(40) }),
    madePin('unpinned', ago(30)),
  ])
    await putAttestation(repository, 'box', one, signal);
  const older = new Set(store.keys());
  // Within one second the time that is signed tells.
  const second = ago(20).slice(0, 19);
  await putAttestation(repository, 'box', madePin('pinned', `${second}.900Z`), signal);
  await putAttestation(repository, 'box', madePin('unpinned', `${second}.100Z`), signal);
  for (const [key, object] of store) if (older.has(key)) store.set(key, { ...object, mtimeMs: Date.now() + 5000 });
  const found = await findPoint(repository, 'box', ids[1], signal);
  expect([found.trust, found.pin?.reason]).toEqual(['damaged', 'audit']);
});

test('a clock that went back: damage that is found then, and a pin, count', async ({ signal }) => {
  const repository = await filled(signal);
  const year = 365 * 86_400;
  for (const one of [
    madeVerification(ids[1], { at: ago(100) }),
    madePin('unpinned', ago(90)),
    madeVerification(ids[1], { result: 'damaged', at: ago(year) }),
    madePin('pinned', ago(year)),
  ]) {
    await putAttestation(repository, 'box', one, signal);
    await setTimeout(2);
  }
  const found = await findPoint(repository, 'box', ids[1], signal);
  expect([found.trust, found.pin?.reason]).toEqual(['damaged', 'audit']);
  // By the right clock again.
  await putAttestation(repository, 'box', madeVerification(ids[1], { at: ago(0) }), signal);
  await putAttestation(repository, 'box', madePin('unpinned', ago(0)), signal);
  const later = await findPoint(repository, 'box', ids[1], signal);
  expect([later.trust, later.pin]).toEqual(['read-back', undefined]);
});

test('a record that nobody could read is not stored', async ({ signal }) => {
  const repository = fresh();
  const large = { ...madeData, notes: ['x'.repeat(64 * 1024 * 1024)] };
  await expect(putPoint(repository, madeDescription(ids[0]), large, signal)).rejects.toMatchObject({
    code: 'output-too-large',
  });
  expect((await listPoints(repository, 'box', signal)).points).toEqual([]);
});
