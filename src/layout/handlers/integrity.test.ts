/** dm-integrity as the stack of the lab was recorded, by what its script told integritysetup. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordedHost } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { parseSuperblock, parseTable } from '../tools/integrity.ts';
import type { ComponentOf, Layout } from '../types.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { identityBelow, integrity } from './integrity.ts';

function onDisk({ components }: Layout, disk: string): ComponentOf<'integrity'> {
  const found = components.filter((one) => one.kind === 'integrity').find(({ on }) => on.includes(disk));
  if (found === undefined) throw new Error(`none on ${disk}`);
  return found;
}

describe.each(['debian11', 'debian12', 'debian13'])('%s', (release) => {
  test('open and closed ones, with their lines in integritytab', async ({ signal }) => {
    const file = join(import.meta.dirname, `../../../test/fixtures/lab/integrity.${release}.json`);
    const machine: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const layout = await captureLayout(recordedHost(machine), new Date('2026-11-21T12:00:00Z'), signal);
    expect(layout.gaps).toEqual([]);
    expect(JSON.stringify(layout)).not.toContain('canary-of-the-integrity-key');
    const plain = onDisk(layout, 'disk:A');
    expect(plain).toMatchObject({
      device: '/dev/mapper/plain',
      geometry: { tagBytes: 4, sectorSize: 4096 },
      opened: { mode: 'journal', algorithm: 'crc32c', options: { commit_time: '5000' } },
    });
    expect(layout.components.find(({ kind }) => kind === 'pv')?.on).toEqual([plain.id]);
    expect(onDisk(layout, 'disk:B')).toMatchObject({
      name: 'keyed',
      integritytab: { key: '/etc/keys/tags.key' },
      geometry: { tagBytes: 32, sectorSize: 512 },
      opened: { algorithm: 'hmac(sha256)', keyBytes: 32 },
    });
    expect(onDisk(layout, 'disk:C')).toMatchObject({ opened: { mode: 'bitmap', algorithm: 'sha256' } });
    const closed = onDisk(layout, 'disk:D');
    expect(closed).toMatchObject({ name: 'closed', geometry: { interleaveSectors: 16384 } });
    expect(closed).not.toHaveProperty('device');
    expect(integrity.coverage(closed, { mounted: false, carrying: false })).toMatchObject({ harmless: false });
  });
});

test('one without a salt is known by what it lies on, whatever the kernel calls that', () => {
  const device = (number: string, more: Partial<BlockDevice>): BlockDevice => ({
    number,
    name: 'sdz',
    path: '/dev/sdz',
    type: 'disk',
    parents: [],
    sizeBytes: 1,
    readOnly: false,
    removable: false,
    rotational: false,
    ...more,
  });
  const member = device('8:0', { fstype: 'linux_raid_member', uuid: 'array' });
  const opened = device('253:9', { parents: ['8:5'], mapping: { name: 'sums', uuid: 'CRYPT-INTEGRITY-sums' } });
  const identity = (more: Partial<BlockDevice>) => identityBelow(device('8:5', more), [member, opened]);
  expect(identity({ partUuid: 'p', serial: 's' })).toBe('p');
  expect(identity({ parents: ['8:0'], mapping: { name: 'x-y', uuid: 'LVM-abc' } })).toBe('LVM-abc');
  expect(identity({ parents: ['8:0'], mapping: { name: 'pair/0', uuid: 'DRBD' } })).toBe('pair/0');
  expect(identity({ name: 'md127', parents: ['8:0'] })).toBe('array');
  expect(identity({ serial: 's', wwn: 'w' })).toBe('s');
  expect(identity({ wwn: 'w' })).toBe('w');
  expect(identity({})).toBe('sums');
  expect(identityBelow(device('8:5', {}), [member])).toBeUndefined();
});

test('one that nobody can name, as old tools give no salt, with its id by where it lies', async ({ signal }) => {
  const file = join(import.meta.dirname, '../../../test/fixtures/lab/integrity.debian11.json');
  const machine = readFileSync(file, 'utf8').replaceAll(/\\"(serial|wwn)\\": *\\"[^"]*\\"/g, '\\"$1\\":null');
  const layout = await captureLayout(recordedHost(JSON.parse(machine)), new Date('2026-11-21T12:00:00Z'), signal);
  const found = layout.components.filter((one) => one.kind === 'integrity');
  expect(found).toHaveLength(5);
  expect(found.filter(({ id }) => /sd[a-z]|vd[a-z]/.test(id))).toEqual([]);
  const closed = found.filter(({ device }) => device === undefined);
  expect(closed.map(({ id }) => id)).toEqual(closed.map(({ on }) => `integrity:on:${on[0]}`));
});

test('a table with keys in it: their lengths alone', () => {
  const key = 'ab'.repeat(32);
  const table = `0 8 integrity 8:16 0 32 J 9 journal_sectors:16 meta_device:8:32 commit_time:100 internal_hash:hmac(sha256):${key} journal_crypt:ctr(aes):${key} journal_mac:hmac(sha1):${key}\n`;
  const found = parseTable(table);
  expect(found).toEqual({
    mode: 'journal',
    algorithm: 'hmac(sha256)',
    keyBytes: 32,
    metaDevice: '8:32',
    options: { commit_time: '100', journal_crypt: 'ctr(aes)', journal_mac: 'hmac(sha1)' },
  });
  expect(JSON.stringify(found)).not.toContain(key);
  expect(() => parseTable('0 8 linear 8:16 0\n')).toThrow('not the table');
});

test('superblocks: of old kernels without a salt, and of something else', () => {
  const block = Buffer.alloc(512);
  block.write('integrt\0', 0, 'latin1');
  block.writeUInt8(1, 8);
  block.writeUInt16LE(8, 10);
  block.writeUInt32LE(0b110, 24);
  expect(parseSuperblock(block)).toEqual({
    version: 1,
    tagBytes: 8,
    sectorSize: 512,
    interleaveSectors: 0,
    journalSections: 0,
    dataBytes: 0,
    flags: [],
  });
  expect(() => parseSuperblock(Buffer.alloc(512))).toThrow('not a superblock');
  expect(() => parseSuperblock(Buffer.alloc(0))).toThrow('not a superblock');
});
