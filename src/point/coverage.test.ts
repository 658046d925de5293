import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coverage, coverageText } from './coverage.ts';
import { type Component, type ComponentOf, type Layout, layoutFormat, mountCategories } from './types.ts';

type Mount = ComponentOf<'mount'>;

const mount = (path: string, more: Partial<Mount> = {}): Mount => ({
  kind: 'mount',
  id: `mount:${path}`,
  on: [],
  path,
  source: '/dev/x',
  fstype: 'ext4',
  options: 'rw',
  root: '/',
  category: 'local',
  ...more,
});

const layoutOf = (...components: Component[]): Layout => ({
  format: layoutFormat,
  capturedAt: '2026-11-20T12:00:00.000Z',
  components,
  gaps: [],
});

/** Each mount's state and reason. */
function states(layout: Layout, include: string[], exclude: string[] = []): Record<string, string> {
  return Object.fromEntries(
    coverage(layout, { include, exclude }).map(({ subject, state, reason }) => [subject, `${state}: ${reason}`]),
  );
}

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
    expect(states(two, include, exclude)).toEqual(expected);
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
    { kind: 'filesystem', id: 'f', on: ['p'], type: 'xfs', sizeBytes: 5 },
    { kind: 'unknown', id: 'u', on: ['d'], rawType: 'LVM2_member', sizeBytes: 4 },
    { kind: 'swap', id: 's', on: [], sizeBytes: 3, active: true, file: '/swapfile' },
  );
  expect(states(layout, ['/'])).toEqual({
    '/dev/sda1': 'not-covered: not mounted: its files cannot be read',
    '/dev/sda': 'not-covered: LVM2_member is not yet handled',
    '/dev/sdb': 'not-covered: no filesystem or partition was seen on it: if it holds data, nothing of it is backed up',
    '/swapfile': 'covered: made anew on recovery: its content is no data',
  });
});

const name = fc.constantFrom('a', 'b', 'c\n\u001b[2J', ' ');
const path = fc.array(name, { maxLength: 3 }).map((names) => `/${names.join('/')}`);

test('no mount is left out, and nothing is called covered that no include leads to', () => {
  const mounts = fc.uniqueArray(fc.record({ path, category: fc.constantFrom(...mountCategories) }), {
    selector: (one) => one.path,
  });
  fc.assert(
    fc.property(mounts, fc.array(path), fc.array(path), (found, include, exclude) => {
      const layout = layoutOf(
        mount('/root'),
        ...found.map((one) => mount(one.path, { ...one, id: `mount:${one.path}` })),
      );
      const items = coverage(layout, { include, exclude });
      const wanted = [{ path: '/root', category: 'local' }, ...found].filter(({ category }) => category !== 'pseudo');
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
  expect(coverage(layout, { include: ['/'], exclude: ['/tmp'] })).toHaveLength(10_001);
  expect(performance.now() - start).toBeLessThan(2_000);
});
