/** ZFS as the stack of the lab was recorded, by what its script told zpool and zfs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Recording, recordedHost, recordingSchema } from '../../../host/recorded.ts';
import { present } from '../../../kernel/present.ts';
import { captureLayout } from '../../capture.ts';
import { layoutChanges } from '../../diff.ts';
import { parseDatasets, parseNvlist, parseSettings, parseStatus, parseVolumes, partsOf } from '../../tools/zfs.ts';
import { type ComponentOf, type Layout, parseLayout } from '../../types.ts';
import { zfs } from './zfs.ts';
import { lasting, zpool } from './zpool.ts';

const { signal } = new AbortController();

function recorded(): Recording {
  const file = join(import.meta.dirname, '../../../../test/fixtures/lab/zfs.debian12.json');
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const captured = async (recording: Recording) =>
  await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);

function pool({ components }: Layout, name: string): ComponentOf<'zpool'> {
  const found = components.filter((one) => one.kind === 'zpool').find((one) => one.name === name);
  if (found === undefined) throw new Error(`no pool ${name}`);
  return found;
}

function dataset({ components }: Layout, name: string): ComponentOf<'zfs'> {
  const found = components.filter((one) => one.kind === 'zfs').find((one) => one.name === name);
  if (found === undefined) throw new Error(`no dataset ${name}`);
  return found;
}

describe('what zpool was told', () => {
  test('a mirror with log, cache and spare', async () => {
    const layout = await captured(recorded());
    const tank = pool(layout, 'tank');
    expect(tank).toMatchObject({
      state: 'ONLINE',
      geometry: { properties: { ashift: '12', autotrim: 'on', comment: 'two halves' } },
    });
    const vdevs = tank.geometry?.vdevs ?? [];
    const words = vdevs.map(({ type, group, in: above }) => [
      type,
      group,
      vdevs.findIndex(({ guid }) => guid === above),
    ]);
    expect(words).toEqual([
      ['mirror', undefined, -1],
      ['disk', undefined, 0],
      ['disk', undefined, 0],
      ['disk', 'log', -1],
      ['disk', 'cache', -1],
      ['disk', 'spare', -1],
    ]);
    expect(tank.config?.ashift?.[vdevs[0]?.guid ?? '']).toBe(12);
    expect(tank.config?.wholeDisks).toEqual([]);
    // Of caches and spares blkid sees nothing.
    expect(tank.on).toHaveLength(5);
    expect(tank.geometry?.features).toContain('edonr');
  });

  test('four whole disks, with a feature that is off', async () => {
    const wide = pool(await captured(recorded()), 'wide');
    expect(wide.geometry?.vdevs?.map(({ type }) => type)).toEqual(['raidz2', 'disk', 'disk', 'disk', 'disk']);
    expect(Object.values(wide.config?.ashift ?? {})).toEqual([9]);
    expect(wide.config?.wholeDisks).toHaveLength(4);
    expect(wide.geometry?.properties?.['failmode']).toBe('continue');
    expect(wide.geometry?.features).not.toContain('edonr');
  });

  test('one that is not imported, off its devices', async () => {
    const away = pool(await captured(recorded()), 'away');
    expect(away).toMatchObject({ state: 'not imported', geometry: { vdevs: [{ type: 'mirror' }, {}, {}] } });
    expect(Object.values(away.config?.ashift ?? {})).toEqual([9]);
    expect(new Set(away.geometry?.vdevs?.slice(1).map(({ on }) => on))).toEqual(new Set(away.on));
    expect(zpool.coverage(away, { mounted: false, carrying: false })).toMatchObject({ harmless: false });
  });
});

describe('what zfs was told', () => {
  test('filesystems with their settings, and where they are mounted', async () => {
    const layout = await captured(recorded());
    const root = dataset(layout, 'tank');
    expect(root).toMatchObject({
      on: [pool(layout, 'tank').id],
      geometry: { properties: { compression: 'zstd', atime: 'off', mountpoint: '/srv' } },
    });
    const books = dataset(layout, 'tank/books');
    expect(books).toMatchObject({
      on: [root.id],
      geometry: { properties: { quota: String(64 << 20), recordsize: '16384', 'org.example:owner': 'the library' } },
    });
    const mount = layout.components.find((one) => one.kind === 'mount' && one.path === '/srv/books');
    expect(mount?.on).toEqual([books.id]);
    expect(dataset(layout, 'tank/copy')).toMatchObject({ origin: 'tank/books@monday' });
    expect(dataset(layout, 'tank/share').geometry.made).toEqual({
      casesensitivity: 'insensitive',
      normalization: 'formD',
      utf8only: 'on',
    });
    const shelf = dataset(layout, 'tank/empty');
    expect(zfs.coverage(shelf, { mounted: false, carrying: true })).toMatchObject({ harmless: true });
    expect(zfs.coverage(shelf, { mounted: false, carrying: false })).toMatchObject({ harmless: false });
  });

  test('volumes: what lies on one stands on it', async () => {
    const layout = await captured(recorded());
    const disk = dataset(layout, 'tank/disk');
    expect(disk).toMatchObject({ type: 'volume', sizeBytes: 32 << 20, geometry: { made: { volblocksize: '16384' } } });
    expect(layout.components.find(({ kind }) => kind === 'ext')?.on).toEqual([disk.id]);
    expect(dataset(layout, 'tank/thin').geometry.properties).not.toHaveProperty('refreservation');
  });

  test('encryption: where the key is, and never the key', async () => {
    const layout = await captured(recorded());
    const secret = dataset(layout, 'tank/secret');
    expect(secret).toMatchObject({
      keyStatus: 'unavailable',
      geometry: {
        encryption: {
          algorithm: 'aes-256-gcm',
          keyFormat: 'passphrase',
          keyLocation: 'file:///run/zfs.key',
          iterations: 100000,
        },
      },
    });
    expect(dataset(layout, 'tank/secret/inside').geometry.encryption?.root).toBe('tank/secret');
    expect(zfs.coverage(secret, { mounted: false, carrying: true })?.reason).toContain('key is not loaded');
    expect(JSON.stringify(layout)).not.toContain('correct horse');
  });
});

test.each(['zpool', 'zfs', 'zdb'])('without %s its part is missing, and nothing has changed', async (tool) => {
  const recording = recorded();
  const before = await captured(recording);
  for (const command of recording.commands) if (command.argv[0] === tool) command.missing = true;
  const after = await captured(recording);
  expect(after.gaps.find(({ problem }) => problem.includes(tool))?.hint).toContain('apt-get install zfsutils-linux');
  expect(after.components.filter(({ kind }) => kind === 'zpool')).toHaveLength(3);
  if (tool === 'zdb') expect(layoutChanges(before, after)).toEqual([]);
});

test('a volume of a pool of which nothing is known is a device as any other', async () => {
  const recording = recorded();
  for (const command of recording.commands) {
    const [tool, verb] = command.argv;
    if (tool === 'zpool' && verb === 'get') Object.assign(command, { code: 1, stdout: '', stderr: 'I/O error' });
  }
  const layout = await captured(recording);
  expect(parseLayout(JSON.parse(JSON.stringify(layout)))).toEqual(layout);
  const [on = ''] = layout.components.find(({ kind }) => kind === 'ext')?.on ?? [];
  expect(layout.components.find(({ id }) => id === on)).toMatchObject({ kind: 'unknown', device: '/dev/zd0' });
});

test('secrets that somebody gave a name', async () => {
  const recording = recorded();
  for (const command of recording.commands) {
    const [tool, verb] = command.argv;
    if (tool !== 'zfs' || verb !== 'get') continue;
    command.stdout += 'tank\torg.example:api-token\thunter2\tlocal\n';
    command.stdout += 'tank\torg.example:after\tcurl -u me:hunter2 https://h/?key=hunter2\tlocal\n';
  }
  const layout = await captured(recording);
  expect(JSON.stringify(layout)).not.toContain('hunter2');
  expect(dataset(layout, 'tank').geometry.properties).toMatchObject({
    'org.example:api-token': '[redacted]',
    'org.example:after': expect.stringContaining('curl -u '),
    compression: 'zstd',
  });
});

test('what is being replaced, and what a spare stands in for, is one device', () => {
  const line = (depth: number, name: string, group?: string) => ({
    depth,
    name,
    state: 'ONLINE',
    guid: name,
    ...present({ group }),
  });
  const names = (lines: Parameters<typeof lasting>[0]) => lasting(lines).map(({ depth, name }) => `${depth} ${name}`);
  expect(
    names([
      line(1, 'raidz1-0'),
      line(2, 'replacing-0'),
      line(3, 'old'),
      line(3, 'new'),
      line(2, 'spare-1'),
      line(3, 'replacing-0'),
      line(4, 'broken'),
      line(4, 'next'),
      line(3, 'spare'),
      line(2, 'third'),
      line(1, 'spare', 'spare'),
    ]),
  ).toEqual(['1 raidz1-0', '2 new', '2 next', '2 third', '1 spare']);
});

describe('parsers', () => {
  const status = (rows: string) =>
    parseStatus(
      `  pool: p\n state: DEGRADED\nconfig:\n\n\tNAME  STATE     READ WRITE CKSUM\n${rows}\nerrors: No known data errors\n`,
    ).get('p');

  test('a device that is missing, a file with spaces in its name, a special group', () => {
    expect(
      status(
        '\tp  DEGRADED     0     0     0\n\t  mirror-0  DEGRADED     0     0     0\n\t    123456  UNAVAIL      0     0     0  was /dev/sdb1\n\t    /var/my file  ONLINE       0     0     0\n\tspecial\t\n\t  /dev/sdc  ONLINE       0     0     0\n',
      ),
    ).toEqual([
      { depth: 0, name: 'p', state: 'DEGRADED' },
      { depth: 1, name: 'mirror-0', state: 'DEGRADED' },
      { depth: 2, name: '123456', state: 'UNAVAIL' },
      { depth: 2, name: '/var/my file', state: 'ONLINE' },
      { depth: 1, name: '/dev/sdc', state: 'ONLINE', group: 'special' },
    ]);
    expect(parseStatus('no pools available\n')).toEqual(new Map());
    expect(() => parseStatus('  pool: p\n state: ONLINE\n')).toThrow('no devices');
  });

  test('values with tabs and line breaks in them, and what is no line of a table', () => {
    expect(parseSettings('p\torg.example:x\ta\tb\tlocal\n').get('p')?.get('org.example:x')).toEqual({
      value: 'a\tb',
      source: 'local',
    });
    const broken = 'p\torg.example:x\tone\n\ntwo\tthree\tlocal\np\tcompression\tlz4\treceived\n';
    expect(parseSettings(broken).get('p')).toEqual(
      new Map([
        ['org.example:x', { value: 'one\n\ntwo\tthree', source: 'local' }],
        ['compression', { value: 'lz4', source: 'received' }],
      ]),
    );
    expect(parseSettings('')).toEqual(new Map());
    expect(() => parseSettings('garbage')).toThrow('not a property');
    expect(() => parseSettings('p\tcompression\tlz4\tlocal\ngarbage')).toThrow('not a property');
    expect(() => parseDatasets('garbage')).toThrow('not a dataset');
    expect(() => parseVolumes('garbage')).toThrow('not a link');
    expect(parseVolumes('tank/a b\t../../zd16\n')).toEqual(new Map([['tank/a b', 'zd16']]));
  });

  test('what zdb prints, to any depth', () => {
    const list = parseNvlist(
      "p:\n    guid: 1\n    vdev_tree:\n        children[0]:\n            guid: 2\n            path: '/dev/x y'\n    name: 'p'\n    com.x:flag\n",
    );
    expect(list.inside.get('p')?.values.get('name')).toBe('p');
    expect([...partsOf(list).keys()]).toEqual(['1', '2']);
    expect(partsOf(list).get('2')?.values.get('path')).toBe('/dev/x y');
  });
});
