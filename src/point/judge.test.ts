import { describe, expect, test } from 'vitest';
import { layoutOf, mount, states, subvolume } from '../../test/helpers/small-layout.ts';
import type { Component, Layout } from '../layout/types.ts';
import { coverage } from './coverage.ts';
import type { Selection } from './judge.ts';

describe('subvolumes', () => {
  const layout = layoutOf(
    { kind: 'btrfs', id: 'fs', on: [], type: 'btrfs', sizeBytes: 9 },
    subvolume('@'),
    subvolume('@/var/lib/machines'),
    subvolume('@home'),
    subvolume('snap/1', { readOnly: true, parentUuid: 'x' }),
    mount('/', { on: ['subvolume:fs:@'], root: '/@', fstype: 'btrfs' }),
  );

  test('one that is seen inside another is not entered, and what no mount shows cannot be', () => {
    expect(states(layout, ['/'], [], 'subvolume')).toEqual({
      '@': 'covered: /: included by /',
      '@/var/lib/machines':
        'not-covered: /var/lib/machines: another subvolume: add /var/lib/machines to backup.include',
      '@home': 'not-covered: no mount shows it',
      'snap/1':
        'not-covered: a snapshot: a backup holds the files of its subvolume as they are now (no mount shows it)',
    });
  });

  test('an include of its own, or of something in it', () => {
    const inner = '@/var/lib/machines';
    expect(states(layout, ['/', '/var/lib/machines'])[inner]).toBe(
      'covered: /var/lib/machines: included by /var/lib/machines',
    );
    expect(states(layout, ['/', '/var/lib/machines/a'])[inner]).toBe(
      'partly: /var/lib/machines: only /var/lib/machines/a',
    );
  });
});

describe('nothing is called covered that a backup does not read', () => {
  const ext: Component = { kind: 'ext', id: 'fs', on: [], type: 'ext4', sizeBytes: 9 };

  test('a filesystem of which only a directory is seen', () => {
    const layout = layoutOf(
      ext,
      mount('/'),
      mount('/a', { on: ['fs'], hidden: true }),
      mount('/b', { on: ['fs'], category: 'bind', root: '/sub' }),
    );
    expect(states(layout, ['/b'], [], 'ext')).toEqual({ fs: 'partly: only its /sub is seen, at /b: included by /b' });
  });

  test('what is hidden by a mount of a directory above it', () => {
    const layout = layoutOf(ext, mount('/'), mount('/p/q', { on: ['fs'], hidden: true }), mount('/p'));
    expect(states(layout, ['/p/q'])['/p/q']).toMatch(/^not-covered: hidden by another mount/);
    expect(states(layout, ['/p/q'])['fs']).toMatch(/^not-covered: \/p\/q: hidden/);
  });

  test('patterns with wildcards reach into other filesystems', () => {
    const layout = layoutOf(mount('/'), mount('/s/mnt/w'), mount('/t'));
    expect(states(layout, ['/s/mnt/w', '/t'], ['/s/*/cache'])).toMatchObject({
      '/s/mnt/w': 'partly: included by /s/mnt/w, except what is excluded by /s/*/cache',
      '/t': 'covered: included by /t',
    });
  });

  test('a btrfs of which one subvolume is included, and one whose top nobody sees', () => {
    const pool = (...more: Component[]) =>
      layoutOf(
        { kind: 'btrfs', id: 'fs', on: [], type: 'btrfs', sizeBytes: 9 },
        subvolume('@'),
        subvolume('@home'),
        subvolume('snap', { readOnly: true, parentUuid: 'x' }),
        mount('/', { on: ['subvolume:fs:@'], root: '/@', fstype: 'btrfs' }),
        mount('/home', { on: ['subvolume:fs:@home'], root: '/@home', fstype: 'btrfs' }),
        ...more,
      );
    const of = (layout: Layout, include: string[]) => {
      const [item] = coverage(layout, { include, exclude: [] }).filter(({ kind }) => kind === 'btrfs');
      return [item?.state, item?.harmless, item?.reason];
    };
    expect(of(pool(), ['/'])).toEqual(['partly', false, expect.stringMatching(/^@home: \/home: another filesystem/)]);
    expect(of(pool(), ['/', '/home'])).toEqual(['partly', true, expect.stringMatching(/^files directly at its top/)]);
    const top = mount('/top', { on: ['fs'], root: '/', fstype: 'btrfs' });
    expect(of(pool(top), ['/', '/home', '/top'])).toEqual(['covered', true, 'all its subvolumes are']);
    expect(of(pool(top), ['/', '/home'])).toEqual(['partly', false, expect.stringMatching(/^\/top: /)]);
    const part = layoutOf(
      { kind: 'btrfs', id: 'fs', on: [], type: 'btrfs', sizeBytes: 9 },
      subvolume('data'),
      mount('/'),
      mount('/d', { on: ['subvolume:fs:data'], root: '/data/deep', fstype: 'btrfs', category: 'bind' }),
    );
    expect(states(part, ['/d'], [], 'subvolume')['data']).toMatch(/^partly: only its \/data\/deep is seen/);
  });

  test("what could not be read, and lifeboat's own", () => {
    const layout = layoutOf(mount('/'), mount('/srv'), mount('/backup'));
    const judge = (selection: Partial<Selection>) =>
      Object.fromEntries(
        coverage(layout, { include: ['/', '/srv', '/backup'], exclude: [], ...selection }).map((item) => [
          item.subject,
          [item.state, item.harmless, item.reason],
        ]),
      );
    expect(judge({ unread: ['/srv/a', '/srv/b'] })).toMatchObject({
      '/srv': ['partly', false, 'included by /srv, but not read as they are: /srv/a and 1 more'],
      '/': ['covered', true, 'included by /'],
    });
    expect(judge({ own: ['/var/lib/lifeboat', '/backup'] })).toMatchObject({
      '/': ['covered', true, "included by /; lifeboat's own /var/lib/lifeboat is left out"],
      '/backup': ['not-covered', true, "lifeboat's own: it is left out of every backup"],
      '/srv': ['covered', true, 'included by /srv'],
    });
  });

  test('a bind of memory is memory; one whose files are at a path that leads elsewhere now is not those files', () => {
    const layout = layoutOf(
      ext,
      mount('/', { on: ['fs'] }),
      mount('/data/x'),
      mount('/t', { category: 'bind', fstype: 'tmpfs', root: '/a' }),
      mount('/b', { on: ['fs'], category: 'bind', root: '/data/x/deep' }),
    );
    expect(states(layout, ['/', '/data/x'], [], 'mount')).toMatchObject({
      '/t': 'not-covered: in memory: gone at every restart',
      '/b': 'not-covered: another filesystem: add /b to backup.include',
    });
  });
});
