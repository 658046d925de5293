/** Real outputs: test/fixtures/hwraid/ssacli/SOURCE.md says whose. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSmartArray, smartArrayArgv } from './smartarray.ts';

const folder = join(import.meta.dirname, '../../../test/fixtures/hwraid/ssacli');
const files = readdirSync(folder).filter((file) => file.endsWith('.txt'));
const output = (name: string): string => readFileSync(join(folder, `${name}.txt`), 'utf8');

test('it is only asked to show', () => {
  expect(smartArrayArgv('/usr/sbin/ssacli')).toEqual(['/usr/sbin/ssacli', 'ctrl', 'all', 'show', 'config', 'detail']);
});

test('arrays, their logical drives, and what is left', () => {
  const [controller, ...others] = parseSmartArray(output('raid5-raid1'));
  expect(others).toEqual([]);
  expect(controller).toMatchObject({
    model: 'Smart Array P822',
    slot: '2',
    serial: 'PDVTF0BRH5T0MO',
    firmware: '4.68',
    settings: {
      'Cache Ratio': '10% Read / 90% Write',
      'Drive Write Cache': 'Disabled',
      'Surface Scan Delay': '3 secs',
    },
  });
  expect(controller?.logical).toEqual([
    {
      number: '1',
      uniqueId: '600508b1001cc42cdf101f06e5563967',
      device: '/dev/sda',
      name: '02715627PDVTF0BRH5T0MO154D',
      sizeBytes: 100 * 1024 ** 3,
      state: 'OK',
      geometry: {
        level: 'raid5',
        array: 'A',
        drives: ['5I:1:3', '5I:1:4', '6I:1:5'],
        stripBytes: 256 * 1024,
        caching: true,
        acceleration: 'Controller Cache',
        sectorsPerTrack: 32,
      },
    },
    expect.objectContaining({
      number: '2',
      uniqueId: '600508b1001ce1e18302a8702c6ab008',
      geometry: expect.objectContaining({
        level: 'raid1',
        array: 'B',
        drives: ['5I:1:1', '5I:1:2'],
        mirrorGroups: [['5I:1:1'], ['5I:1:2']],
      }),
    }),
  ]);
  expect(controller?.drives).toContainEqual({
    place: '5I:1:3',
    role: 'member',
    arrays: ['A'],
    sizeBytes: 400_000_000_000,
    sectorBytes: 512,
    media: 'hdd',
    interface: 'sas',
    model: 'HP EF0600FARNA',
    serial: '6SL7G4ZN0000B41707PD',
  });
  expect(controller?.drives.filter(({ role }) => role === 'unassigned').map(({ place }) => place)).toEqual([
    '6I:1:6',
    '6I:1:7',
  ]);
});

describe('in others', () => {
  test.each([
    ['raid50', [['raid50', ['5I:1:1', '5I:1:2', '5I:1:3', '5I:1:4', '6I:1:5', '6I:1:6']]]],
    ['raid1', [['raid1', ['5I:1:1', '5I:1:2']]]],
    // Two of one array.
    [
      'shared-array',
      [
        ['raid1', ['5I:1:1', '5I:1:2']],
        ['raid1', ['5I:1:1', '5I:1:2']],
      ],
    ],
    ['no-drives', []],
    ['hba-mode', []],
  ])('%s', (name, expected) => {
    const [controller] = parseSmartArray(output(name));
    expect(controller?.logical.map(({ geometry }) => [geometry.level, geometry.drives])).toEqual(expected);
  });
});

test('a controller that hands on its drives, and where it is plugged in', () => {
  expect(parseSmartArray(output('hba-mode'))).toMatchObject([
    {
      slot: '3',
      pciAddress: '0000:0d:00.0',
      settings: { 'HBA Mode Enabled': 'True' },
      drives: [{ place: '5I:1:1', role: 'passed-through', serial: '6SL7G4QV0000B41803GZ' }],
    },
  ]);
});

test("several controllers: what is told of cages and of their drives in short is nobody's field", () => {
  const controllers = parseSmartArray(output('several'));
  expect(controllers.map(({ model, slot, drives }) => [model, slot, drives.map(({ place }) => place)])).toEqual([
    ['Smart HBA H240', '1', ['1I:1:4']],
    ['Smart HBA H240', '2', ['2I:2:8']],
    ['Smart HBA H240', '3', []],
    ['Smart HBA H240ar', '0', []],
  ]);
});

test('a drive that is a spare of two arrays', () => {
  // The last drive of each array made a spare, under one name.
  const changed = output('raid5-raid1')
    .replaceAll(/physicaldrive (6I:1:5|5I:1:2)\n/g, 'physicaldrive 6I:1:8\n')
    .replace(/(physicaldrive 6I:1:8\n(?: {9}.*\n)*? {9}Drive Type:) Data Drive/g, '$1 Spare Drive');
  const [controller] = parseSmartArray(changed);
  expect(controller?.drives.filter(({ role }) => role === 'spare')).toMatchObject([
    { place: '6I:1:8', role: 'spare', arrays: ['A', 'B'] },
  ]);
  expect(controller?.logical.map(({ geometry }) => geometry.drives)).toEqual([['5I:1:3', '5I:1:4'], ['5I:1:1']]);
});

test.each([
  ['1+0', 'raid10'],
  ['RAID 1+0', 'raid10'],
  ['60', 'raid60'],
  ['1 (ADM)', 'raid1-adm'],
  ['something new', 'unknown'],
])('fault tolerance %j is %s', (said, level) => {
  const [controller] = parseSmartArray(output('raid50').replace('Fault Tolerance: 50', `Fault Tolerance: ${said}`));
  expect(controller?.logical[0]?.geometry.level).toBe(level);
});

test('no controller, and what is not from it', () => {
  expect(parseSmartArray('\nError: No controllers detected. Possible causes: ...\n')).toEqual([]);
  expect(() => parseSmartArray('')).toThrow();
  expect(() => parseSmartArray('bash: ssacli: command not found')).toThrow();
});

test('outputs that end anywhere, or with lines missing, give controllers or an error', () => {
  const whole = files.map((file) => readFileSync(join(folder, file), 'utf8'));
  fc.assert(
    fc.property(fc.constantFrom(...whole), fc.nat(), fc.array(fc.nat(), { maxLength: 20 }), (text, end, gone) => {
      const lines = text.slice(0, end % text.length).split('\n');
      for (const index of gone) lines.splice(index % Math.max(1, lines.length), 1);
      try {
        for (const { logical } of parseSmartArray(lines.join('\n'))) expect(logical).toBeInstanceOf(Array);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
