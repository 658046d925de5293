import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { recordedHost } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { parseTable } from './crypt.ts';

test('tables: with the length of a key and never the key', () => {
  expect(parseTable(`0 262144 crypt aes-xts-plain64 ${'0'.repeat(128)} 0 8:16 0\n`)).toEqual({
    cipher: 'aes-xts-plain64',
    keyBytes: 64,
    sectorSize: 512,
    offsetBytes: 0,
    ivOffset: 0,
    flags: [],
  });
  const options = '3 sector_size:4096 no_write_workqueue allow_discards';
  expect(parseTable(`0 8 crypt aes-cbc-essiv:sha256 :32:logon:name 16 8:16 2048 ${options}\n`)).toEqual({
    cipher: 'aes-cbc-essiv:sha256',
    keyBytes: 32,
    sectorSize: 4096,
    offsetBytes: 1048576,
    ivOffset: 16,
    flags: ['allow_discards', 'no_write_workqueue'],
  });
  expect(parseTable('0 8 crypt cipher_null-ecb - 0 8:16 0\n')).toMatchObject({ keyBytes: 0 });
  expect(() => parseTable('0 8 linear 8:16 0\n')).toThrow('not the table');
  expect(() => parseTable('')).toThrow('not the table');
});

describe.each(['debian11', 'debian12', 'debian13'])('%s', (release) => {
  test('open and closed volumes, with their lines in crypttab', async ({ signal }) => {
    const file = join(import.meta.dirname, `../../../test/fixtures/lab/crypt-plain.${release}.json`);
    const machine: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const { components, gaps } = await captureLayout(recordedHost(machine), new Date(), signal);
    expect(gaps).toEqual([]);
    const found = components.filter((one) => one.kind === 'crypt');
    expect(found).toMatchObject([
      { id: 'crypt:swap0', on: ['disk:A'], open: true, crypttab: { key: '/dev/urandom' }, geometry: { keyBytes: 64 } },
      {
        id: 'crypt:plain',
        on: ['disk:B'],
        open: true,
        crypttab: { key: '/etc/keys/plain.key' },
        geometry: { cipher: 'aes-cbc-essiv:sha256', offsetBytes: 2048 * 512, ivOffset: 16, flags: ['allow_discards'] },
      },
      { id: 'crypt:closed', on: ['disk:C'], open: false, crypttab: { name: 'closed' } },
    ]);
    expect(components.find(({ kind }) => kind === 'swap')?.on).toEqual(['crypt:swap0']);
    expect(components.find(({ kind }) => kind === 'ext')?.on).toEqual(['crypt:plain']);
    expect(JSON.stringify(machine)).not.toContain('0123456789abcdef');
  });
});
