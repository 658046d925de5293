/** Boot entries of a mirror, of loaders that nobody recorded entries of, and of firmware that says all in its own way. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordedLayout } from '../../test/helpers/recorded-layouts.ts';
import type { EfiEntry } from '../layout/boot/efibootmgr.ts';
import type { ComponentOf } from '../layout/types.ts';
import { entryChanges, mainLoader, wantedEntries, type WantedEntry } from './efi-wanted.ts';
import { espsOf } from './esp.ts';
import { layersOf } from './layers.ts';

const line = (text: string): string => text;
const mirror = layersOf(await recordedLayout('fs-esp-md.debian12'));
const esps = espsOf(mirror);
const shim = '/EFI/debian/shimx64.efi';
const bootWith = (entries: NonNullable<ComponentOf<'boot'>['efi']>['entries']): ComponentOf<'boot'> => ({
  kind: 'boot',
  id: 'boot',
  on: [],
  firmware: 'uefi',
  commandLine: {},
  efi: { order: '0001,0000', entries, others: [] },
});

describe('an EFI system partition on a mirror', () => {
  const legs = mirror.of('partition').filter(({ number }) => number === 1);
  const [first, second] = legs.map(({ partUuid = '' }) => partUuid);

  test('is found by both of its legs', () => {
    expect(esps.map(({ path, legs }) => [path, legs.map(({ partUuid, disk }) => [partUuid, disk])])).toEqual([
      [
        '/boot/efi',
        [
          [first, '/dev/sda'],
          [second, '/dev/sdb'],
        ],
      ],
    ]);
  });

  test('an entry of one leg is one of each, that one first', () => {
    const captured = bootWith([
      {
        number: '0000',
        active: true,
        label: 'debian',
        partUuid: second ?? '',
        partition: `partition:${second}`,
        path: '\\EFI\\debian\\shimx64.efi',
      },
      { number: '0004', active: true, label: 'stick', partUuid: 'other', path: '\\EFI\\BOOT\\BOOTX64.EFI' },
    ]);
    const wanted = wantedEntries({ captured, esps, files: new Map([['/boot/efi', [shim]]]), name: 'debian', line });
    expect(wanted.map(({ label, leg, path }) => [label, leg.partUuid, path])).toEqual([
      ['debian', second, '\\EFI\\debian\\shimx64.efi'],
      ['debian', first, '\\EFI\\debian\\shimx64.efi'],
    ]);
    const { create, order } = entryChanges(wanted, { entries: [], order: ['0000', '0007'] }, new Set());
    expect(create.map(({ number }) => number)).toEqual(['0000', '0001']);
    expect(order).toEqual(['0000', '0001', '0007']);
  });

  test('without entries on record, the loader that is there gets one of each', () => {
    const request = { esps, files: new Map([['/boot/efi', ['/EFI/debian/grubx64.efi', shim]]]), name: 'debian', line };
    const wanted = wantedEntries({ captured: undefined, ...request });
    expect(wanted.map(({ label, leg }) => [label, leg.partUuid])).toEqual([
      ['debian', first],
      ['debian', second],
    ]);
    expect(wantedEntries({ captured: undefined, ...request, files: new Map() })).toEqual([]);
  });
});

test.each([
  [['/EFI/debian/grubx64.efi', '/EFI/debian/shimx64.efi', '/EFI/BOOT/BOOTX64.EFI'], '/EFI/debian/shimx64.efi'],
  [['/EFI/BOOT/BOOTX64.EFI', '/EFI/systemd/systemd-bootx64.efi'], '/EFI/systemd/systemd-bootx64.efi'],
  [['/EFI/arch/grubx64.efi', '/EFI/Microsoft/Boot/bootmgfw.efi'], '/EFI/arch/grubx64.efi'],
  [['/EFI/Linux/arch-6.1.efi'], '/EFI/Linux/arch-6.1.efi'],
  [['/EFI/refind/refind_x64.efi'], '/EFI/refind/refind_x64.efi'],
  [['/EFI/BOOT/BOOTX64.EFI', '/EFI/Microsoft/Boot/bootmgfw.efi'], undefined],
])('the main loader of %j', (files, expected) => expect(mainLoader(files)).toBe(expected));

test('whatever firmware has, once told it has all, and is told nothing more', () => {
  const [leg, other] = esps[0]?.legs ?? [];
  if (leg === undefined || other === undefined) throw new Error('no legs');
  const place = fc.constantFrom(leg.partUuid, other.partUuid, 'gone', 'foreign');
  const entry = fc.record({
    active: fc.boolean(),
    label: fc.constant('x'),
    partUuid: place,
    path: fc.constantFrom('\\EFI\\debian\\SHIMX64.EFI', '\\a.efi', '\\b.efi'),
  });
  const wanted: readonly WantedEntry[] = [leg, other].map((one) => ({
    label: 'debian',
    leg: one,
    path: '\\EFI\\debian\\shimx64.efi',
  }));
  const numbered = fc
    .array(entry, { maxLength: 6 })
    .map((all) => all.map((one, index): EfiEntry => ({ ...one, number: `000${index}` })));
  fc.assert(
    fc.property(numbered, fc.boolean(), (entries, ordered) => {
      const order = ordered ? entries.map(({ number }) => number) : [];
      const gone = new Set(['gone']);
      const changes = entryChanges(wanted, { entries, order }, gone);
      const after: EfiEntry[] = [
        ...entries.filter(({ number }) => !changes.remove.includes(number)),
        ...changes.create.map(({ number, label, leg, path }) => ({
          number,
          label,
          path,
          partUuid: leg.partUuid,
          active: true,
        })),
      ];
      expect(new Set(after.map(({ number }) => number)).size).toBe(after.length);
      const again = entryChanges(wanted, { entries: after, order: changes.order ?? order }, gone);
      expect(again).toEqual({ create: [], remove: [] });
      // Of others none is taken away.
      const foreign = entries.filter(({ partUuid }) => partUuid === 'foreign');
      expect(after).toEqual(expect.arrayContaining(foreign));
    }),
  );
});
