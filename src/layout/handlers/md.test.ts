/** Arrays of md as the stacks of the lab were recorded, by what their scripts told mdadm. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Recording, recordedHost, recordingSchema } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import type { ComponentOf, Layout } from '../types.ts';
import { parseBitmap, parseExamine } from '../tools/mdadm.ts';
import { md } from './md.ts';
import { mdContainer } from './md-container.ts';

const { signal } = new AbortController();
const releases = ['debian11', 'debian12', 'debian13'] as const;

function recorded(stack: string, release = 'debian12'): Recording {
  const file = join(import.meta.dirname, `../../../test/fixtures/lab/${stack}.${release}.json`);
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const captured = async (recording: Recording) =>
  await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);

function arrayOf({ components }: Layout, last: string): ComponentOf<'md'> {
  const found = components.filter((one) => one.kind === 'md').find(({ id }) => id.endsWith(last));
  if (found === undefined) throw new Error(`no array ${last}`);
  return found;
}

/** How many there are of each role. */
const roles = ({ geometry }: ComponentOf<'md'>) =>
  Object.fromEntries(
    [...Map.groupBy(geometry?.members ?? [], ({ role }) => role)].map(([role, found]) => [role, found.length]),
  );

describe.each(releases)('%s: what mdadm was told', (release) => {
  test('RAID 0', async () => {
    const array = arrayOf(await captured(recorded('md-raid0', release)), '01');
    expect(array).toMatchObject({
      uuid: '0b0f1a4e-0500-0000-8000-000000000001',
      geometry: { level: 'raid0', raidDevices: 3, metadata: '1.2', name: 'builder:fast', chunkBytes: 128 << 10 },
    });
    expect(array.geometry).not.toHaveProperty('consistency');
    expect(array.on).toHaveLength(3);
  });

  test('RAID 5 with the old metadata and a spare', async () => {
    const array = arrayOf(await captured(recorded('md-raid5-090', release)), '02');
    expect(array.geometry).toMatchObject({
      level: 'raid5',
      raidDevices: 3,
      metadata: '0.90',
      minor: 5,
      chunkBytes: 64 << 10,
      layout: 'right-asymmetric',
      consistency: 'resync',
    });
    expect(array.geometry).not.toHaveProperty('componentBytes');
    expect(array).not.toHaveProperty('missing');
    expect(roles(array)).toEqual({ active: 3, spare: 1 });
  });

  test('RAID 6 of which a member is missing, and only a part of the others is used', async () => {
    const array = arrayOf(await captured(recorded('md-raid6-degraded', release)), '03');
    expect(array).toMatchObject({
      missing: 1,
      geometry: {
        level: 'raid6',
        raidDevices: 4,
        chunkBytes: 32 << 10,
        componentBytes: 64 << 20,
        consistency: 'bitmap',
        bitmap: { chunkBytes: 1 << 20 },
      },
    });
    expect(array.geometry?.members.map(({ slot }) => slot).sort()).toEqual([0, 2, 3]);
    expect(md.title(array)).toContain('1 of 4 members missing');
    expect(md.coverage(array, { mounted: false, carrying: true })?.reason).toContain('1 of 4 members missing');
  });

  test('RAID 10, far copies, with partitions on it', async () => {
    const layout = await captured(recorded('md-raid10-far', release));
    const array = arrayOf(layout, '04');
    expect(array.geometry).toMatchObject({ level: 'raid10', metadata: '1.1', layout: 'far=2', chunkBytes: 256 << 10 });
    expect(array.geometry?.members.map(({ dataOffsetBytes }) => dataOffsetBytes)).toEqual([4 << 20, 4 << 20, 4 << 20]);
    const table = layout.components.find(({ kind, on }) => kind === 'table' && on.includes(array.id));
    expect(layout.components.filter(({ kind, on }) => kind === 'partition' && on[0] === table?.id)).toHaveLength(2);
  });

  test('metadata at the end; a member that was thrown out keeps its place, and is missing', async () => {
    const layout = await captured(recorded('md-raid1-esp', release));
    expect(arrayOf(layout, '05').geometry).toMatchObject({ metadata: '1.0', consistency: 'resync' });
    const slow = arrayOf(layout, '06');
    expect(slow).toMatchObject({ missing: 1, geometry: { consistency: 'bitmap' } });
    expect(slow.geometry?.members.find(({ flags }) => flags?.includes('write-mostly'))).toMatchObject({ slot: 1 });
  });

  test('those that do not run', async () => {
    const layout = await captured(recorded('md-raid4-inactive', release));
    const parity = arrayOf(layout, '07');
    expect(parity).toMatchObject({ state: 'stopped', geometry: { level: 'raid4', raidDevices: 3 } });
    expect(parity).not.toHaveProperty('device');
    expect(parity).not.toHaveProperty('missing');
    expect(md.coverage(parity, { mounted: false, carrying: false })).toMatchObject({ state: 'not-covered' });
    expect(arrayOf(layout, '08')).toMatchObject({ missing: 1, geometry: { level: 'raid0', raidDevices: 2 } });
  });

  test('a journal, and a partial parity log', async () => {
    const layout = await captured(recorded('md-journal', release));
    const logged = arrayOf(layout, '09');
    expect(logged.geometry).toMatchObject({ consistency: 'journal' });
    expect(roles(logged)).toEqual({ active: 3, journal: 1 });
    expect(logged).not.toHaveProperty('missing');
    expect(arrayOf(layout, '0a').geometry).toMatchObject({ consistency: 'ppl' });
  });

  test('a half that may lag behind, and a bitmap that is written less often', async () => {
    const array = arrayOf(await captured(recorded('md-write-behind', release)), '0d');
    expect(array.geometry?.bitmap).toEqual({ chunkBytes: 4 << 20, delaySeconds: 9, writeBehind: 300 });
    expect(array.geometry?.members.find(({ slot }) => slot === 1)?.flags).toEqual(['failfast', 'write-mostly']);
  });

  test('arrays in containers stand on these, with their disks in order', async () => {
    const layout = await captured(recorded('firmware-raid', release));
    const containers = layout.components.filter((one) => one.kind === 'md-container');
    expect(new Set(containers.map(({ metadata }) => metadata))).toEqual(new Set(['ddf', 'imsm']));
    // The spare too, on which no UUID stands.
    expect(new Map(containers.map(({ metadata, on }) => [metadata, on.toSorted()]))).toEqual(
      new Map([
        ['ddf', ['disk:C', 'disk:D']],
        ['imsm', ['disk:A', 'disk:B', 'disk:E']],
      ]),
    );
    for (const one of containers) {
      expect(one.device).toMatch(/^\/dev\/md/);
      expect(mdContainer.coverage(one, { mounted: false, carrying: true })).toBeUndefined();
    }
    const arrays = layout.components.filter((one) => one.kind === 'md');
    const imsm = containers.find(({ metadata }) => metadata === 'imsm')?.id;
    expect(arrays.find(({ geometry }) => geometry?.name === 'fast')).toMatchObject({
      on: [imsm],
      geometry: { level: 'raid0', metadata: 'imsm', member: 1, chunkBytes: 64 << 10, raidDevices: 2 },
    });
    expect(arrays.find(({ geometry }) => geometry?.name === 'mirror')).toMatchObject({
      on: [imsm],
      geometry: { level: 'raid1', member: 0, componentBytes: 40 << 20, members: [{ slot: 0 }, { slot: 1 }] },
    });
    const whole = arrays.find(({ geometry }) => geometry?.name === 'other')?.id;
    const on = layout.components.filter(({ kind }) => kind === 'ext').map(({ on: [id] }) => id);
    expect(new Set(on)).toEqual(new Set([whole, 'partition:0b0f1a4e-0510-4000-8000-000000000012']));
    const mirror = arrays.find(({ geometry }) => geometry?.name === 'mirror')?.id;
    expect(layout.components.filter(({ kind }) => kind === 'table').map(({ on: [id] }) => id)).toEqual([mirror]);
    expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
  });

  test('what arrays with metadata at the end are divided into is told once', async () => {
    const layout = await captured(recorded('md-partitioned', release));
    const arrays = ['01', '02'].map((end) => arrayOf(layout, end).id);
    const tables = layout.components.filter(({ kind }) => kind === 'table');
    expect(new Set(tables.map(({ on: [id] }) => id))).toEqual(new Set(arrays));
    expect(tables).toHaveLength(2);
    expect(layout.components.filter(({ kind }) => kind === 'partition')).toHaveLength(2);
  });

  test('one that is rebuilt lacks nobody; an array may be a member', async () => {
    const layout = await captured(recorded('md-rebuilding', release));
    const mirror = arrayOf(layout, '0b');
    expect(mirror).not.toHaveProperty('missing');
    expect(mirror.state).toContain('recovering');
    expect(arrayOf(layout, '0c').on).toContain(mirror.id);
  });
});

test('a superblock whose checksum is wrong is named', async () => {
  const recording = recorded('md-raid1');
  const damaged = recording.commands.find(({ argv }) => argv[0] === 'mdadm' && argv[1] === '--examine');
  if (damaged === undefined) throw new Error('nothing was examined');
  damaged.stdout = damaged.stdout.replace(/(Checksum : \w+) - correct/, '$1 - expected 0badcafe');
  const { gaps } = await captured(recording);
  expect(gaps).toContainEqual(
    expect.objectContaining({ subject: damaged.argv[2], problem: expect.stringContaining('checksum') }),
  );
});

test('without mdadm the array is there, with what others say of it; and nothing has changed', async () => {
  const recording = recorded('md-raid6-degraded');
  const before = await captured(recording);
  for (const command of recording.commands) if (command.argv[0] === 'mdadm') command.missing = true;
  const after = await captured(recording);
  const array = arrayOf(after, '03');
  expect(array).not.toHaveProperty('geometry');
  expect(array.on).toHaveLength(3);
  expect(after.gaps.find(({ problem }) => problem.includes('mdadm'))?.hint).toContain('apt-get install');
  expect(layoutChanges(before, after)).toEqual([]);
  expect(layoutChanges(after, before)).toEqual([]);
});

test('a member with a broken superblock is a gap, and no missing one', async () => {
  const recording = recorded('md-raid5-090');
  const [one] = recording.commands.filter(({ argv }) => argv[0] === 'mdadm' && argv[1] === '--examine');
  if (one === undefined) throw new Error('no member was asked');
  Object.assign(one, { code: 1, stdout: '', stderr: `mdadm: No md superblock detected on ${one.argv[2]}.` });
  const layout = await captured(recording);
  expect(layout.gaps.map(({ subject }) => subject)).toContain(one.argv[2]);
  const array = arrayOf(layout, '02');
  expect(array).not.toHaveProperty('missing');
  expect(array.geometry?.members.filter(({ role }) => role === undefined)).toHaveLength(1);
});

test('a name may say anything', () => {
  const text = recorded('md-raid0').commands.find(({ argv }) => argv[1] === '--examine')?.stdout ?? '';
  const named = (name: string) => parseExamine(text.replace(/Name : .*/, `Name : ${name}`)).name;
  expect(named('host:a b  (local to host host)')).toBe('host:a b');
  expect(named('Raid Level : x')).toBe('Raid Level : x');
});

test('sizes of bitmap chunks', () => {
  expect(parseBitmap('       Chunksize : 64 MB\n')).toEqual({ chunkBytes: 64 << 20 });
  expect(parseBitmap('       Chunksize : 512 B\n')).toEqual({ chunkBytes: 512 });
  expect(() => parseBitmap('       Chunksize : many\n')).toThrow();
});

test.each(['', 'garbage', '\u001b[31m', 'Raid Devices : 99999999999\n'])('mdadm says %j', async (output) => {
  const recording = recorded('md-raid6-degraded');
  for (const command of recording.commands) if (command.argv[0] === 'mdadm') command.stdout = output;
  const layout = await captured(recording);
  expect(arrayOf(layout, '03')).not.toHaveProperty('geometry');
  expect(layout.gaps).toHaveLength(4);
});
