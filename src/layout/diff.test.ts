import { describe, expect, test } from 'vitest';
import { machineWithDisks, type Release, releases } from '../../test/helpers/machines.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from './capture.ts';
import { layoutChanges } from './diff.ts';
import { type Component, type Layout, parseLayout } from './types.ts';

const now = new Date('2026-11-21T12:00:00Z');

async function capture(signal: AbortSignal, release: Release = 'debian12'): Promise<Layout> {
  return await captureLayout(recordedHost(machineWithDisks(release)), now, signal);
}

/** The layout with one component replaced, or without it. */
function edited(layout: Layout, match: (one: Component) => boolean, edit: (one: Component) => Component[]): Layout {
  expect(layout.components.filter(match)).toHaveLength(1);
  return { ...layout, components: layout.components.flatMap((one) => (match(one) ? edit(one) : [one])) };
}

const words = (before: Layout, after: Layout): string[] =>
  layoutChanges(before, after).map(({ risk, text }) => `${risk}: ${text}`);

test('names of devices, used bytes and numbers that change from boot to boot are no change', async ({ signal }) => {
  const before = await capture(signal);
  const text = JSON.stringify(before)
    .replaceAll('/dev/sda', '/dev/sdz')
    .replaceAll('/dev/sdb', '/dev/sda')
    .replace(/"usedBytes":\d+/g, '"usedBytes":99')
    .replace(/"priority":-\d+/g, '"priority":-9');
  expect(text).not.toEqual(JSON.stringify(before));
  expect(words(before, parseLayout(JSON.parse(text)))).toEqual([]);
});

test('the same machine captured again, with anything in another order', async ({ signal }) => {
  const before = await capture(signal);
  const after = { ...before, components: before.components.toReversed(), capturedAt: '2027-01-01T00:00:00Z' };
  expect(words(before, after)).toEqual([]);
});

test.each(releases)(
  'made and captured by another release, it differs in what its tools do by default: %s',
  async (release) => {
    const signal = new AbortController().signal;
    const changes = layoutChanges(await capture(signal), await capture(signal, release));
    const same = changes.filter(({ subject, attribute }) => {
      // Made with random ids by each release.
      const random = subject.startsWith('subvolume:') || subject.startsWith('filesystem:on:') || attribute === 'uuid';
      return (
        !random &&
        !attribute?.startsWith('geometry.') &&
        !/f2fs|squashfs|overlay/.test(subject) &&
        attribute !== undefined
      );
    });
    // Each has its own GRUB.
    expect(same.filter(({ attribute }) => !['label', 'options', 'version'].includes(attribute ?? ''))).toEqual([]);
    expect(changes.filter(({ risk }) => risk === 'recovery')).toEqual([]);
  },
);

describe('one thing changed', () => {
  const named = (label: string) => (one: Component) => 'label' in one && one.label === label;

  test('a new disk, and what is on it, would be lost', async ({ signal }) => {
    const before = await capture(signal);
    const disk: Component = {
      kind: 'disk',
      id: 'disk:X',
      on: [],
      device: '/dev/sdx',
      serial: 'X',
      sizeBytes: 1 << 30,
      rotational: false,
      removable: false,
      readOnly: false,
    };
    const after = { ...before, components: [...before.components, disk] };
    expect(words(before, after)).toEqual(['data: added: disk /dev/sdx  1.0 GiB  X']);
    expect(words(after, before)).toEqual(['recovery: removed: disk /dev/sdx  1.0 GiB  X']);
    const smaller = { ...before, components: [...before.components, { ...disk, sizeBytes: 1 << 29 }] };
    expect(words(after, smaller)).toEqual([
      'recovery: changed: disk /dev/sdx  512 MiB  X: size was 1.0 GiB (1073741824 bytes), is 512 MiB (536870912 bytes)',
    ]);
    expect(words(smaller, after)[0]).toMatch(/^appearance: /);
  });

  test('a stick that somebody plugged in is nothing, with all that is on it; unless it is in fstab', async ({
    signal,
  }) => {
    const before = await capture(signal);
    const stick: Component[] = [
      {
        kind: 'disk',
        id: 'disk:S',
        on: [],
        device: '/dev/sdx',
        sizeBytes: 9,
        rotational: false,
        removable: true,
        readOnly: false,
      },
      { kind: 'table', id: 'table:disk:S', on: ['disk:S'], type: 'dos' },
      { kind: 'partition', id: 'p', on: ['table:disk:S'], device: '/dev/sdx1', number: 1, sizeBytes: 8 },
      { kind: 'vfat', id: 'f', on: ['p'], type: 'vfat', sizeBytes: 8 },
    ];
    const mount: Component = {
      kind: 'mount',
      id: 'mount:/media/s',
      on: ['f'],
      path: '/media/s',
      mounted: true,
      source: '/dev/sdx1',
      fstype: 'vfat',
      options: 'rw',
      root: '/',
      category: 'local',
    };
    expect(words(before, { ...before, components: [...before.components, ...stick, mount] })).toEqual([]);
    const fstab = { spec: 'LABEL=S', type: 'vfat', options: 'defaults', dump: 0, pass: 0 };
    const lasting = { ...before, components: [...before.components, ...stick, { ...mount, fstab }] };
    expect(words(before, lasting).map((line) => line.split(' ')[0])).toEqual([
      'data:',
      'data:',
      'data:',
      'data:',
      'appearance:',
    ]);
  });

  test('labels, options and features are told by what came and went', async ({ signal }) => {
    const before = await capture(signal);
    const after = edited(before, named('root "a"\\b c'), (one) =>
      one.kind === 'ext' && one.geometry !== undefined
        ? [
            {
              ...one,
              label: 'new',
              geometry: {
                ...one.geometry,
                reservedBlocks: 5,
                features: [...one.geometry.features.slice(1), 'fast_commit'],
              },
            },
          ]
        : [],
    );
    const gone = before.components.find(named('root "a"\\b c'));
    const feature = gone?.kind === 'ext' ? gone.geometry?.features[0] : undefined;
    expect(words(before, after)).toEqual([
      expect.stringMatching(new RegExp(`features no longer ${feature}, now fast_commit$`)),
      expect.stringMatching(/reserved blocks was 10752, is 5$/),
      expect.stringMatching(/label was "root \\"a\\"\\\\b c", is "new"$/),
    ]);
  });

  test('lists in lists are told in full', async ({ signal }) => {
    const before = await capture(signal);
    const start = (mount: string): Layout => {
      const partitions = [{ role: 'esp' as const, id: 'p', number: 1, mounts: ['/boot', mount] }];
      const one: Component = {
        kind: 'boot',
        id: 'boot:x',
        on: [],
        firmware: 'bios',
        commandLine: {},
        disks: { partitions },
      };
      return { ...before, components: [...before.components, one] };
    };
    expect(words(start('/a'), start('/b'))).toEqual([
      expect.stringContaining(
        'no longer role esp id p number 1 mounts (/boot, /a), now role esp id p number 1 mounts (/boot, /b)',
      ),
    ]);
  });

  test('options in another order are the same options', async ({ signal }) => {
    const before = await capture(signal);
    const after = edited(
      before,
      ({ id }) => id === 'mount:/',
      (one) => (one.kind === 'mount' ? [{ ...one, options: one.options.split(',').toReversed().join(',') }] : []),
    );
    expect(words(before, after)).toEqual([]);
  });

  test('a line of fstab that is gone, and one that is no longer mounted', async ({ signal }) => {
    const before = await capture(signal);
    const data = (one: Component) => one.id === 'mount:/srv/data store';
    const [line] = words(
      before,
      edited(before, data, (one) => {
        const { fstab: _, ...rest } = one.kind === 'mount' ? one : { fstab: undefined, ...one };
        return rest.kind === 'mount' ? [rest] : [];
      }),
    );
    expect(line).toMatch(/^appearance: changed: mounted at \/srv\/data store: fstab dump was 0, is not there$/);
    const unmounted = edited(before, data, (one) => (one.kind === 'mount' ? [{ ...one, mounted: false }] : []));
    expect(words(before, unmounted)).toEqual([
      'appearance: changed: in fstab for /srv/data store  not mounted: mounted was yes, is no',
    ]);
  });

  test('snapshots come and go; a subvolume would be lost', async ({ signal }) => {
    const before = await capture(signal);
    const [some] = before.components.filter((one) => one.kind === 'subvolume' && one.path === 'snap/home 1');
    if (some?.kind !== 'subvolume') throw new Error('no snapshot');
    const another = { ...some, id: 'subvolume:x', path: 'snap/home 2' };
    expect(words(before, { ...before, components: [...before.components, another] })).toEqual([]);
    const { parentUuid: _, ...own } = another;
    expect(words(before, { ...before, components: [...before.components, { ...own, readOnly: false }] })).toEqual([
      'data: added: subvolume snap/home 2  16.0 KiB used',
    ]);
  });
});
