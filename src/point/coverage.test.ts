import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layoutOf, mount, states } from '../../test/helpers/small-layout.ts';
import { mountCategorySchema } from '../layout/mount-category.ts';
import { coverage, type Place, type Workload } from './coverage.ts';
import { coverageText } from './coverage-text.ts';

describe('mounts', () => {
  const two = layoutOf(mount('/'), mount('/home'), mount('/proc', { category: 'pseudo' }));

  test.each<[string[], string[], Record<string, string>]>([
    [
      ['/'],
      [],
      { '/': 'covered: included by /', '/home': 'not-covered: another filesystem: add /home to backup.include' },
    ],
    [['/', '/home/'], [], { '/': 'covered: included by /', '/home': 'covered: included by /home' }],
    [['/etc', '/home/ann'], [], { '/': 'partly: only /etc', '/home': 'partly: only /home/ann' }],
    [['/home'], [], { '/': 'not-covered: add / to backup.include', '/home': 'covered: included by /home' }],
    [[], [], { '/': 'not-covered: add / to backup.include', '/home': 'not-covered: add /home to backup.include' }],
    [['/', '/home'], ['/home'], { '/': 'covered: included by /', '/home': 'not-covered: excluded by /home' }],
    [
      ['/', '/home'],
      ['/var/cache', '*.o'],
      {
        '/': 'partly: included by /, except what is excluded by /var/cache, *.o',
        '/home': 'partly: included by /home, except what is excluded by *.o',
      },
    ],
    [
      ['/'],
      ['ho?e'],
      { '/': 'partly: included by /, except what is excluded by ho?e', '/home': 'not-covered: excluded by ho?e' },
    ],
  ])('include %j, exclude %j', (include, exclude, expected) => {
    const { '/proc': proc, ...rest } = states(two, include, exclude);
    expect(proc).toBe('not-covered: made by the kernel: it holds no data');
    expect(rest).toEqual(expected);
  });

  test('a name that only begins alike is not below', () => {
    expect(states(layoutOf(mount('/'), mount('/srv'), mount('/srv2')), ['/srv'])['/srv2']).toBe(
      'not-covered: add /srv2 to backup.include',
    );
  });

  test('a bind mount and an overlay are where their files are', () => {
    const layout = layoutOf(
      { kind: 'filesystem', id: 'fs', on: [], type: 'ext4', sizeBytes: 9 },
      mount('/', { on: ['fs'] }),
      mount('/srv/www', { id: 'b', on: ['fs'], category: 'bind', root: '/home/www' }),
      mount('/merged', { category: 'overlay', options: 'rw,lowerdir=/l,upperdir=/var/up,workdir=/w' }),
    );
    expect(states(layout, ['/home'])).toMatchObject({
      '/srv/www': 'covered: the same files as /home/www: included by /home',
      '/merged': 'not-covered: its changed files are in /var/up: add /var/up to backup.include',
    });
  });

  test('memory is harmless, and what lies under another mount cannot be read', () => {
    const layout = layoutOf(
      mount('/'),
      mount('/tmp', { category: 'memory', fstype: 'tmpfs' }),
      mount('/data', { id: 'below', hidden: true }),
      mount('/data'),
    );
    const items = coverage(layout, { include: ['/', '/data'], exclude: [] });
    expect(items.map(({ subject, state, harmless }) => [subject, state, harmless])).toEqual([
      ['/', 'covered', true],
      ['/tmp', 'not-covered', true],
      ['/data', 'not-covered', false],
      ['/data', 'covered', true],
    ]);
  });
});

test('what no mount shows', () => {
  const layout = layoutOf(
    {
      kind: 'disk',
      id: 'd',
      on: [],
      device: '/dev/sda',
      sizeBytes: 9,
      rotational: false,
      removable: false,
      readOnly: false,
    },
    {
      kind: 'disk',
      id: 'e',
      on: [],
      device: '/dev/sdb',
      sizeBytes: 9,
      rotational: false,
      removable: false,
      readOnly: false,
    },
    { kind: 'partition', id: 'p', on: ['d'], device: '/dev/sda1', number: 1, sizeBytes: 5 },
    { kind: 'xfs', id: 'f', on: ['p'], type: 'xfs', sizeBytes: 5 },
    { kind: 'unknown', id: 'u', on: ['d'], rawType: 'LVM2_member', sizeBytes: 4 },
    { kind: 'swap', id: 's', on: [], sizeBytes: 3, active: true, file: '/swapfile' },
  );
  const items = coverage(layout, { include: ['/'], exclude: [] });
  expect(items.map(({ id, state, reason }) => [id, `${state}: ${reason}`])).toEqual([
    ['d', 'covered: made anew out of the layout; what stands on it is listed by itself'],
    ['e', 'not-covered: no filesystem or partition was seen on it: if it holds data, nothing of it is backed up'],
    ['p', 'covered: made anew out of the layout; what stands on it is listed by itself'],
    ['f', 'not-covered: not mounted: its files cannot be read'],
    ['u', 'not-covered: LVM2_member is not yet handled'],
    ['s', 'covered: made anew on recovery: its content is no data'],
  ]);
});

test('a filesystem is as its best mount, and what is only in fstab is told by its filesystem', () => {
  const layout = layoutOf(
    { kind: 'ext', id: 'fs', on: [], type: 'ext4', sizeBytes: 9, usedBytes: 4 },
    { kind: 'vfat', id: 'esp', on: [], type: 'vfat', sizeBytes: 9 },
    mount('/data', { on: ['fs'] }),
    mount('/srv', { on: ['fs'], category: 'bind', root: '/srv' }),
    mount('/boot/efi', { on: ['esp'], mounted: false }),
    mount('/net', { category: 'network', mounted: false }),
  );
  const items = coverage(layout, { include: ['/srv'], exclude: [] });
  expect(items.map(({ id, state, reason, bytes }) => [id, `${state}: ${reason}`, bytes])).toEqual([
    ['fs', 'partly: only its /srv is seen, at /srv: included by /srv', 4],
    ['esp', 'not-covered: not mounted: its files cannot be read', 9],
    ['mount:/data', 'not-covered: add /data to backup.include', 4],
    ['mount:/srv', 'covered: included by /srv', 4],
    ['mount:/boot/efi', 'not-covered: /boot/efi is not mounted; its filesystem is listed by itself', undefined],
    ['mount:/net', 'not-covered: in fstab and not mounted: its files cannot be read', undefined],
  ]);
});

test('disks of guests and directories of containers are judged where they truly lie', () => {
  const layout = layoutOf(mount('/'), mount('/var/lib'));
  const place = (name: string, type: Place['type'], path = name): Place => ({ name, path, type });
  const workloads: Workload[] = [
    {
      kind: 'guest',
      name: 'db',
      places: [
        { ...place('/dev/vg/db', 'device'), bytes: 7 },
        place('/var/lib/images/db.qcow2', 'file'),
        place('/images/gone.qcow2', 'absent'),
        place('rbd:pool/image', 'elsewhere'),
        place('/images/link.qcow2', 'device', '/dev/vg/lv'),
      ],
    },
    {
      kind: 'container',
      name: 'web',
      places: [place('/etc/web', 'directory'), place('/var/lib/docker', 'directory', '/srv/docker')],
    },
  ];
  const items = coverage(layout, { include: ['/'], exclude: ['*.o'] }, workloads).slice(2);
  expect(items.map(({ subject, kind, state, bytes, reason }) => [subject, kind, state, bytes, reason])).toEqual([
    ['db: /dev/vg/db', 'guest', 'not-covered', 7, expect.stringMatching(/block device/)],
    ['db: /var/lib/images/db.qcow2', 'guest', 'not-covered', undefined, expect.stringMatching(/another filesystem/)],
    ['db: /images/gone.qcow2', 'guest', 'not-covered', undefined, 'it is not there'],
    ['db: rbd:pool/image', 'guest', 'not-covered', undefined, 'it is not among the files of this host'],
    ['db: /images/link.qcow2', 'guest', 'not-covered', undefined, expect.stringMatching(/block device/)],
    ['web: /etc/web', 'container', 'partly', undefined, 'included by /, except what is excluded by *.o'],
    ['web: /var/lib/docker', 'container', 'partly', undefined, expect.stringMatching(/^it is at \/srv\/docker: /)],
  ]);
});

const name = fc.constantFrom('a', 'b', 'c\n\u001b[2J', ' ');
const path = fc.array(name, { maxLength: 3 }).map((names) => `/${names.join('/')}`);

test('no mount is left out, and nothing is called covered that no include leads to', () => {
  const mounts = fc.uniqueArray(fc.record({ path, category: fc.constantFrom(...mountCategorySchema.options) }), {
    selector: (one) => one.path,
  });
  fc.assert(
    fc.property(mounts, fc.array(path), fc.array(path), (found, include, exclude) => {
      const layout = layoutOf(
        mount('/root'),
        ...found.map((one) => mount(one.path, { ...one, id: `mount:${one.path}` })),
      );
      const items = coverage(layout, { include, exclude });
      const wanted = [{ path: '/root', category: 'local' }, ...found];
      expect(items.map(({ subject }) => subject).sort()).toEqual(wanted.map(({ path }) => path).sort());
      for (const { subject, state } of items) {
        if (state === 'covered') expect(include).toContain(subject);
      }
      // oxlint-disable-next-line no-control-regex -- that none is there
      expect(coverageText(items)).not.toMatch(/\u001b/);
    }),
  );
});

test('10,000 bind mounts are quick', () => {
  const binds = Array.from({ length: 10_000 }, (_, index) =>
    mount(`/m/${index}`, { on: ['fs'], category: 'bind', root: `/data/${index}` }),
  );
  const layout = layoutOf(
    { kind: 'filesystem', id: 'fs', on: [], type: 'ext4', sizeBytes: 9 },
    mount('/', { on: ['fs'] }),
    ...binds,
  );
  const start = performance.now();
  expect(coverage(layout, { include: ['/'], exclude: ['/tmp'] })).toHaveLength(10_002);
  expect(performance.now() - start).toBeLessThan(2_000);
});
