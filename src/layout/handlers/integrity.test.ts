/** dm-integrity as the stack of the lab was recorded, by what its script told integritysetup. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordedHost } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { parseSuperblock, parseTable } from '../tools/integrity.ts';
import type { ComponentOf, Layout } from '../types.ts';
import { integrity } from './integrity.ts';

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
