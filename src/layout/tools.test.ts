import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameFromBytes } from '../kernel/text.ts';
import { parseDumpe2fs } from './handlers/ext.ts';
import { parseExfat } from './handlers/exfat.ts';
import { parseCheckpoint, parseSuperblock } from './handlers/f2fs.ts';
import { parseJfs } from './handlers/jfs.ts';
import { parseNtfs } from './handlers/ntfs.ts';
import { parseBootSector } from './handlers/vfat.ts';
import { parseXfsDb } from './handlers/xfs.ts';
import { parseSettings } from './handlers/zram.ts';
import { deviceBySpec } from './spec.ts';
import { parseRunning, parseSuperblock as parseBcache } from './tools/bcache.ts';
import { blkidArgv, parseBlkid } from './tools/blkid.ts';
import {
  parseChunkDevices,
  parseChunkTree,
  parseCompression,
  parseDefault,
  parseNumbers,
  parseProfiles,
  parseQuota,
  parseShow,
  parseSubvolumes,
  parseSuper,
} from './tools/btrfs.ts';
import { parseCrypttab } from './tools/crypttab.ts';
import { parseDump, parseStatus } from './tools/drbd.ts';
import { findmntArgv, parseFindmnt, parseFindmntSizes, parseStat } from './tools/findmnt.ts';
import { parseFstab } from './tools/fstab.ts';
import { parseSuperblock as parseIntegrity, parseTable } from './tools/integrity.ts';
import { type BlockDevice, lsblkAll, parseLsblk } from './tools/lsblk.ts';
import { parseHead, parseVersion2 } from './tools/luks.ts';
import { parseLosetup } from './tools/losetup.ts';
import { parseLsattr } from './tools/lsattr.ts';
import { complaints, metadataFlags, parseLvs, parseMetadata, parsePvs, parseVgs, volumeOf } from './tools/lvm.ts';
import { parseAnswers } from './tools/megaraid.ts';
import { parseBitmap, parseDetail, parseExamine, parseExport, parseSubarray } from './tools/mdadm.ts';
import { parseSmartArray } from './tools/smartarray.ts';
import { parseSfdisk } from './tools/sfdisk.ts';
import { parseSwaps } from './tools/swaps.ts';
import {
  parseDatasets,
  parseNvlist,
  parseSettings as parseZfs,
  parseStatus as parsePools,
  parseVolumes,
} from './tools/zfs.ts';
import { parseWipefs } from './tools/wipefs.ts';

describe('lsblk', () => {
  test('numbers and booleans as strings, as before util-linux 2.33', () => {
    const node = { name: 'sda', 'maj:min': '  8:0', type: 'disk', size: '1024', ro: '0', rota: '1' };
    expect(parseLsblk(JSON.stringify({ blockdevices: [node] }))).toMatchObject([
      { number: '8:0', path: '/dev/sda', sizeBytes: 1024, readOnly: false, rotational: true },
    ]);
  });

  test('a device with two parents is one device', () => {
    const md = { name: 'md0', 'maj:min': '9:0', type: 'raid1', size: 5 };
    const half = (name: string, number: string) => ({ name, 'maj:min': number, type: 'disk', size: 9, children: [md] });
    const devices = parseLsblk(JSON.stringify({ blockdevices: [half('sda', '8:0'), half('sdb', '8:16')] }));
    expect(devices.map(({ name, parents }) => [name, parents])).toEqual([
      ['sda', []],
      ['md0', ['8:0', '8:16']],
      ['sdb', []],
    ]);
  });
});

test('argv', () => {
  expect(lsblkAll).toEqual(['lsblk', '-J', '-b', '-O']);
  expect(findmntArgv).toEqual(['findmnt', '-J', '-b', '-l', '-v', '-o', 'TARGET,SOURCE,FSTYPE,OPTIONS,FSROOT,MAJ:MIN']);
  expect(blkidArgv(['/dev/sda'])).toEqual(['blkid', '-p', '-o', 'export', '/dev/sda']);
});

test('blkid, stat and /proc/swaps refuse what is not theirs', () => {
  expect(parseBlkid('')).toEqual(new Map());
  expect(() => parseBlkid('what')).toThrow();
  expect(parseStat('4096 10 4\n')).toEqual({ sizeBytes: 40960, usedBytes: 24576 });
  expect(() => parseStat('4096')).toThrow();
  expect(() => parseSwaps('')).toThrow();
  expect(parseSwaps('Filename Type Size Used Priority\n/a\\040b file 8 0 -2\n')).toEqual([
    { path: '/a b', isFile: true, sizeBytes: 8192, priority: -2 },
  ]);
});

describe('fstab', () => {
  const parse = (content: string) => {
    const bad: number[] = [];
    return { entries: parseFstab(content, (line) => bad.push(line)), bad };
  };

  test('fields, defaults, comments, octal names in any encoding', () => {
    const content = [
      '# comment',
      '',
      'UUID=1 / ext4 defaults,noatime 0 1',
      '\tnas:/a\\040b\t/mnt/\\303\\244\\377 nfs4   # what follows is a remark',
      'tmpfs /tmp/ tmpfs',
      '/swap\\134file none swap sw,pri=5 0 0 ignored',
    ].join('\n');
    expect(parse(content)).toEqual({
      bad: [],
      entries: [
        { spec: 'UUID=1', path: '/', type: 'ext4', options: 'defaults,noatime', dump: 0, pass: 1 },
        { spec: 'nas:/a b', path: '/mnt/ä\udcff', type: 'nfs4', options: 'defaults', dump: 0, pass: 0 },
        { spec: 'tmpfs', path: '/tmp', type: 'tmpfs', options: 'defaults', dump: 0, pass: 0 },
        { spec: '/swap\\file', path: 'none', type: 'swap', options: 'sw,pri=5', dump: 0, pass: 0 },
      ],
    });
  });

  test('lines that are none are told with their number, and cost no other', () => {
    expect(parse('what\nUUID=1 / ext4 defaults 0 1\nUUID=2 /a ext4 defaults x 1\n')).toMatchObject({
      bad: [1, 3],
      entries: [{ spec: 'UUID=1' }],
    });
  });
});

describe('the device that a spec means', () => {
  const device = (path: string, more: Partial<BlockDevice>): BlockDevice => ({
    number: path,
    name: path.slice(5),
    path,
    type: 'part',
    parents: [],
    sizeBytes: 1,
    readOnly: false,
    removable: false,
    rotational: false,
    ...more,
  });
  const find = deviceBySpec([
    device('/dev/sda1', { uuid: 'AB-CD', label: 'a b', partUuid: 'p-1', partName: 'EFI "x"' }),
    device('/dev/sda2', { uuid: 'pool', label: 'two' }),
    device('/dev/sdb2', { uuid: 'pool', label: 'two' }),
    device('/dev/sdc', { label: 'twice' }),
    device('/dev/sdd', { label: 'twice' }),
    device('/dev/mapper/vg--0-root', {}),
  ]);

  test.each([
    ['UUID=ab-cd', '/dev/sda1'],
    ['UUID="AB-CD"', '/dev/sda1'],
    ['LABEL=a b', '/dev/sda1'],
    ['PARTUUID=P-1', '/dev/sda1'],
    ['PARTLABEL=EFI "x"', '/dev/sda1'],
    ['/dev/disk/by-uuid/AB-CD', '/dev/sda1'],
    ['/dev/disk/by-label/a\\x20b', '/dev/sda1'],
    ['/dev/disk/by-partlabel/EFI\\x20\\x22x\\x22', '/dev/sda1'],
    ['/dev/sda2', '/dev/sda2'],
    ['UUID=pool', '/dev/sda2'],
    ['LABEL=twice', undefined],
    ['UUID=nothing', undefined],
    ['/dev/vg-0/root', '/dev/mapper/vg--0-root'],
    ['nas:/export', undefined],
    ['tmpfs', undefined],
  ])('%s', (spec, path) => {
    expect(find(spec)?.path).toBe(path);
  });
});

test('btrfs: a name with a newline, and unmounted chunks', () => {
  const line = (number: number, path: string) =>
    `ID ${number} gen 7 parent 5 top level 5 parent_uuid - received_uuid - uuid u${number} path ${path}\n`;
  expect(parseSubvolumes(line(256, 'a\nb') + line(257, '<FS_TREE>/c')).map(({ path }) => path)).toEqual(['a\nb', 'c']);
  const chunk = (type: string) => `\t\tlength 8388608 owner 2 stripe_len 65536 type ${type}\n\t\tio_align 65536\n`;
  expect(parseChunkTree(chunk('DATA|single') + chunk('SYSTEM|DUP') + chunk('METADATA') + chunk('DATA|RAID1'))).toEqual({
    data: ['raid1', 'single'],
    system: ['dup'],
    metadata: ['single'],
  });
});

test('any text gives a result or an error, and never hangs', () => {
  const parsers: ((text: string) => unknown)[] = [
    parseLsblk,
    parseFindmnt,
    parseFindmntSizes,
    parseBlkid,
    parseStat,
    parseSwaps,
    (text) => parseFstab(text, () => {}),
    (text) => parseSfdisk(text, 512),
    parseDumpe2fs,
    parseExamine,
    parsePvs,
    parseVgs,
    parseLvs,
    parseMetadata,
    metadataFlags,
    complaints,
    volumeOf,
    parseDetail,
    parseBitmap,
    parseExport,
    parseSubarray,
    (text) => parseBcache(Buffer.from(text), 1 << 30),
    parseRunning,
    parseDump,
    parseStatus,
    (text) => parseIntegrity(Buffer.from(text)),
    parseTable,
    parseDatasets,
    parseNvlist,
    parseZfs,
    parsePools,
    parseVolumes,
    parseSmartArray,
    parseAnswers,
    parseXfsDb,
    (text) => parseBootSector(Buffer.from(text)),
    (text) => parseSuperblock(Buffer.from(text)),
    (text) => parseCheckpoint(Buffer.from(text), { blockSize: 4096 }),
    (text) => parseHead(Buffer.from(text)),
    (text) => parseVersion2(Buffer.from(text)),
    (text) => parseCrypttab(text, () => {}),
    parseSuper,
    parseShow,
    parseProfiles,
    parseChunkTree,
    parseSubvolumes,
    parseNumbers,
    parseDefault,
    parseChunkDevices,
    parseCompression,
    (text) => parseQuota(text, ''),
    (text) => parseExfat(Buffer.from(text)),
    (text) => parseJfs(Buffer.from(text)),
    (text) => parseNtfs(Buffer.from(text)),
    parseSettings,
    parseLosetup,
    parseWipefs,
    parseLsattr,
  ];
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const parse of parsers) {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    }),
  );
});

test('any boot sector gives a possible geometry or an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 510, maxLength: 2048 }), (bytes) => {
      const sector = Buffer.from(bytes);
      if (sector.length >= 512) sector.writeUInt16LE(0xaa55, 510);
      try {
        const { usedBytes = 0, sizeBytes = 0 } = parseBootSector(sector);
        expect(usedBytes).toBeGreaterThanOrEqual(0);
        expect(usedBytes).toBeLessThanOrEqual(sizeBytes);
      } catch (error) {
        if (!(error instanceof Error) || error.name === 'AssertionError') throw error;
      }
    }),
  );
});

test('any mount path comes through as it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
      const target = `/${nameFromBytes(bytes)}`;
      const row = { target, source: 's', fstype: 't', options: '', fsroot: '/', 'maj:min': '0:1' };
      expect(parseFindmnt(JSON.stringify({ filesystems: [row] }))[0]?.target).toBe(target);
    }),
  );
});

test.each([
  ['exFAT', parseExfat, 3, 'EXFAT   '],
  ['NTFS', parseNtfs, 3, 'NTFS    '],
  ['JFS', parseJfs, 0, 'JFS1'],
])('any superblock of %s gives a possible size or an error', (_, parse, at, name) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 100, maxLength: 1024 }), (bytes) => {
      const block = Buffer.from(bytes);
      block.write(name, at, 'latin1');
      try {
        const { sizeBytes = 0, geometry } = parse(block);
        expect(Number.isSafeInteger(sizeBytes)).toBe(true);
        expect(geometry).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
