/** No outputs that may be copied were found: these are written by hand in the form that published ones have, with other values. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  controllersArgv,
  megaRaidControllers,
  parseAnswers,
  physicalDrivesArgv,
  virtualDrivesArgv,
} from './megaraid.ts';

const answer = (data: object, controller = 0): string =>
  JSON.stringify({
    Controllers: [
      {
        'Command Status': { 'CLI Version': '007.x', Controller: controller, Status: 'Success', Description: 'None' },
        'Response Data': data,
      },
    ],
  });

const row = (place: string, group: number | string, state = 'Onln') => ({
  'EID:Slt': place,
  DID: 5,
  State: state,
  DG: group,
  Size: '1.089 TB',
  Intf: 'SAS',
  Med: 'HDD',
  SED: 'N',
  PI: 'N',
  SeSz: '512B',
  Model: 'MADE-UP-DRIVE    ',
  Sp: 'U',
});

const place = (span: number | string, line: number | string, slot: string, type = 'DRIVE') => ({
  DG: 0,
  Arr: span,
  Row: line,
  'EID:Slot': slot,
  DID: 1,
  Type: type,
  State: 'Onln',
});

const controllers = answer({
  'Product Name': 'Made-up RAID 9000-8i',
  'Serial Number': 'SN00000001',
  'PCI Address': '00:3b:00:00',
  'FW Package Build': '24.0.0-0001',
  TOPOLOGY: [
    place('-', '-', '-', 'RAID10'),
    place(0, '-', '-', 'RAID1'),
    place(0, 0, '32:0'),
    place(0, 1, '32:2'),
    place(1, '-', '-', 'RAID1'),
    place(1, 0, '32:1'),
    place(1, 1, '-'),
    place('-', '-', '32:4'),
  ],
  'PD LIST': [
    row('32:0', 0),
    row('32:1', 0, 'Rbld'),
    row('32:2', 0),
    row('32:4', 0, 'DHS'),
    row('32:5', '-', 'GHS'),
    row('32:6', '-', 'UGood'),
    row('32:7', 'F', 'UGood'),
    row(' :8', '-', 'JBOD'),
  ],
});

const volumes = answer({
  '/c0/v3': [
    {
      'DG/VD': '0/3',
      TYPE: 'RAID10',
      State: 'Dgrd',
      Access: 'RW',
      Consist: 'No',
      Cache: 'NRWTD',
      Size: '2.178 TB',
      Name: 'data',
    },
  ],
  'PDs for VD 3': [row('32:0', 0), row('32:1', 0), row('32:2', 0)],
  'VD3 Properties': {
    'Strip Size': '64 KB',
    'Number of Blocks': 4678148096,
    'Span Depth': 2,
    'Write Cache(initial setting)': 'WriteBack',
    'Disk Cache Policy': 'Disabled',
    Encryption: 'None',
    'OS Drive Name': '/dev/sda',
    'SCSI NAA Id': '600605B0000000000000000000000001',
  },
});

const drives = answer({
  'Drive /c0/e32/s0': [row('32:0', 0)],
  'Drive /c0/e32/s0 - Detailed Information': {
    'Drive /c0/e32/s0 State': { 'Media Error Count': 0 },
    'Drive /c0/e32/s0 Device attributes': {
      SN: 'DRIVE0          ',
      'Model Number': 'MADE-UP-DRIVE-A ',
      'Raw size': '1.091 TB [0x8bba0cb0 Sectors]',
      'Logical Sector Size': '512B',
    },
  },
});

const all = (one: string, two: string, three: string) =>
  megaRaidControllers({ controllers: parseAnswers(one), volumes: parseAnswers(two), drives: parseAnswers(three) });

test('it is only asked to show, and to leave no log', () => {
  for (const argv of [controllersArgv('storcli64'), virtualDrivesArgv('storcli64'), physicalDrivesArgv('storcli64')]) {
    expect(argv).toContain('show');
    expect(argv.slice(-2)).toEqual(['J', 'nolog']);
  }
});

test('a degraded RAID 10 with spares, and drives that are no part of it', () => {
  const [controller] = all(controllers, volumes, drives);
  expect(controller).toMatchObject({
    model: 'Made-up RAID 9000-8i',
    serial: 'SN00000001',
    slot: '0',
    firmware: '24.0.0-0001',
    pciAddress: '0000:3b:00.0',
  });
  expect(controller?.drives.map((one) => [one.place, one.role])).toEqual([
    ['32:0', 'member'],
    ['32:1', 'member'],
    ['32:2', 'member'],
    ['32:4', 'spare'],
    ['32:5', 'global-spare'],
    ['32:6', 'unassigned'],
    ['32:7', 'foreign'],
    [':8', 'passed-through'],
  ]);
  expect(controller?.drives[0]).toEqual({
    place: '32:0',
    role: 'member',
    arrays: ['0'],
    sizeBytes: 0x8bba0cb0 * 512,
    sectorBytes: 512,
    media: 'hdd',
    interface: 'sas',
    model: 'MADE-UP-DRIVE-A',
    serial: 'DRIVE0',
  });
  expect(controller?.logical).toEqual([
    {
      number: '3',
      uniqueId: '600605b0000000000000000000000001',
      device: '/dev/sda',
      name: 'data',
      sizeBytes: 4678148096 * 512,
      state: 'Dgrd',
      geometry: {
        level: 'raid10',
        array: '0',
        drives: ['32:0', '32:1', '32:2'],
        stripBytes: 64 * 1024,
        spans: [
          ['32:0', '32:2'],
          ['32:1', 'missing'],
        ],
        // What it was told, though the cache writes through now.
        writeCache: 'write-back',
        readAhead: false,
        input: 'direct',
        driveCache: 'disabled',
      },
    },
  ]);
});

test('blocks are as large as the sectors of its drives', () => {
  const large = volumes.replaceAll('"512B"', '"4 KB"').replace('4678148096', '585691648');
  expect(all(controllers, large, drives)[0]?.logical[0]?.sizeBytes).toBe(585691648 * 4096);
});

test('nothing to show is no failure; everything else that is no success is', () => {
  const failed = (words: string): string =>
    JSON.stringify({ Controllers: [{ 'Command Status': { Controller: 0, Status: 'Failure', Description: words } }] });
  expect(all(controllers, failed("No VD's have been configured."), failed('No drive found!'))[0]?.logical).toEqual([]);
  expect(parseAnswers(failed('No Controller found'))).toEqual(new Map());
  expect(() => parseAnswers(failed('Un-supported command'))).toThrow('Un-supported command');
  const withList = failed('No drive found!')
    .replace('"Failure"', '"Failure","Status code":255')
    .replace('}}]', '},"Response Data":[5]}]');
  expect(JSON.parse(withList)).toHaveProperty('Controllers.0.Response Data');
  expect(parseAnswers(withList)).toEqual(new Map());
  expect(() => parseAnswers('')).toThrow();
  expect(() => parseAnswers('Controller = 0\nStatus = Success')).toThrow();
});

test('answers in which anything is missing or something else give controllers or an error', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom('null', '5', '""', '[]', '{}', '"-"'), (index, value) => {
      const broken = [controllers, volumes, drives].map((text) => {
        const places = [...text.matchAll(/(?<=":)("[^"]*"|\d+)/g)];
        const hit = places[index % places.length];
        return hit === undefined ? text : `${text.slice(0, hit.index)}${value}${text.slice(hit.index + hit[0].length)}`;
      });
      try {
        expect(all(broken[0] ?? '', broken[1] ?? '', broken[2] ?? '')).toBeInstanceOf(Array);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
