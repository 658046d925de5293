import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Recording, recordedHost, recordingSchema } from '../../host/recorded.ts';
import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';
import { captureLayout } from '../capture.ts';
import { parseHead, parseVersion2 } from '../tools/luks.ts';
import { luksToken } from '../tools/luks-token.ts';
import type { ComponentOf } from '../types.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/lab');
const releases = ['debian11', 'debian12', 'debian13'] as const;

function recording(stack: string, release: string): Recording {
  return recordingSchema.parse(JSON.parse(readFileSync(join(fixtures, `${stack}.${release}.json`), 'utf8')));
}

async function captured(machine: Recording, signal: AbortSignal) {
  const layout = await captureLayout(recordedHost(machine), new Date(), signal);
  const found = layout.components.filter((one): one is ComponentOf<'luks'> => one.kind === 'luks');
  return { layout, found, gaps: layout.gaps, at: (uuid: string) => found.find((one) => one.uuid?.endsWith(uuid)) };
}

describe.each(releases)('%s', (release) => {
  test('what luksFormat and its sisters were told is what the geometry says', async ({ signal }) => {
    const { at, gaps, found } = await captured(recording('luks2', release), signal);
    expect(gaps).toEqual([]);
    expect(found).toHaveLength(1);
    expect(at('0300-4000-8000-000000000004')).toMatchObject({
      id: 'luks:0b0f1a4e-0300-4000-8000-000000000004',
      label: 'vault',
      subsystem: 'backup',
      open: true,
      name: 'vault',
      crypttab: { name: 'vault', key: 'none', options: 'luks,tpm2-device=auto' },
      geometry: {
        version: 2,
        hash: 'sha512',
        flags: ['allow-discards'],
        slots: [
          { number: 0, pbkdf: { type: 'pbkdf2', hash: 'sha512', iterations: 1000 } },
          { number: 1, priority: 'prefer', pbkdf: { type: 'argon2id', time: 4, memoryKiB: 32768 } },
          { number: 5, priority: 'ignore', pbkdf: { type: 'argon2i', time: 5, memoryKiB: 16384, threads: 1 } },
        ],
        tokens: [
          { type: 'luks2-keyring', slots: [1], settings: { key_description: 'vault:key' } },
          { type: 'systemd-tpm2', slots: [5], settings: { 'tpm2-blob': '[redacted]', 'tpm2-pcrs': [7, 14] } },
          { type: 'clevis', slots: [0], settings: { jwe: { pin: 'tang', tang: { url: 'http://tang.example.net' } } } },
        ],
      },
    });
  });

  test('version 1, open with a key file and closed', async ({ signal }) => {
    const { at, found } = await captured(recording('luks1', release), signal);
    expect(found).toHaveLength(2);
    expect(at('1')).toMatchObject({
      open: true,
      name: 'old',
      crypttab: { key: '/etc/keys/old.key', options: 'luks,discard,key-slot=2' },
      geometry: {
        version: 1,
        cipher: 'aes-cbc-essiv:sha256',
        keyBytes: 32,
        hash: 'sha512',
        slots: [
          { number: 2, pbkdf: { iterations: 1234 } },
          { number: 6, pbkdf: { iterations: 2345 } },
        ],
      },
    });
    expect(at('2')).toMatchObject({ open: false, geometry: { version: 1, offsetBytes: 8192 * 512 } });
    expect(at('2')).not.toHaveProperty('name');
  });

  test('headers that lie apart, in files and on a device', async ({ signal }) => {
    const { at, found, gaps } = await captured(recording('luks2-detached', release), signal);
    expect(gaps).toEqual([]);
    expect(found).toHaveLength(3);
    expect(at('1')).toMatchObject({
      on: ['partition:0b0f1a4e-0302-4000-8000-000000000006'],
      open: true,
      header: { file: '/etc/headers/data.img' },
      geometry: { sectorSize: 4096, offsetBytes: 0 },
    });
    expect(at('2')).toMatchObject({ on: ['disk:B'], open: false, header: { file: '/etc/headers/closed.img' } });
    expect(at('3')).toMatchObject({ on: ['disk:C', 'disk:D'], open: true, name: 'apart', header: { on: 'disk:D' } });
  });

  test('a header in a file of a filesystem on another device', async ({ signal }) => {
    const machine = recording('luks2-header-device', release);
    const { found, gaps } = await captured(machine, signal);
    expect(gaps).toEqual([]);
    const header = { file: '/root.img', on: 'filesystem:0b0f1a4e-0305-4000-8000-000000000001' };
    expect(found).toMatchObject([{ on: ['disk:A'], open: true, name: 'root', header, geometry: { version: 2 } }]);
    // Where that is not mounted, the kernel tells what is open; and a colon may be a part of a name.
    const edited = (line: (text: string) => string) => {
      const files = { ...machine.files, '/etc/crypttab': line(machine.files['/etc/crypttab'] ?? '') };
      return captured({ ...machine, files }, signal);
    };
    const away = await edited((text) => text.replace('LABEL=stick', 'LABEL=another'));
    expect(away.gaps).toMatchObject([
      { problem: expect.stringMatching(/root is \/root.img on a device .* not mounted/) },
    ]);
    expect(away.found).toMatchObject([{ id: found[0]?.id, open: true, header: { file: '/root.img' } }]);
    expect(away.found[0]).not.toHaveProperty('geometry');
    const colon = await edited((text) => text.replace('/root.img:LABEL=stick', '/etc/headers/root:img'));
    expect(colon.found).toMatchObject([{ header: { file: '/etc/headers/root:img' } }]);
  });

  test('encrypted anew: as it will be, and none of its slots is called unbound but the one that is', async ({
    signal,
  }) => {
    const { found, gaps } = await captured(recording('reencrypt-luks2', release), signal);
    expect(gaps).toEqual([]);
    expect(found).toMatchObject([
      {
        open: true,
        geometry: {
          cipher: 'aes-xts-plain64',
          keyBytes: 64,
          requirements: [expect.stringMatching(/^online-reencrypt/)],
          slots: [
            { keyBytes: 32 },
            { keyBytes: 64 },
            { type: 'reencrypt' },
            { number: 7, unbound: true, keyBytes: 16 },
          ],
        },
      },
    ]);
    expect(found[0]?.geometry?.slots.map(({ unbound }) => unbound)).toEqual([undefined, undefined, undefined, true]);
  });

  test('integrity: both devices of the kernel are the one component', async ({ signal }) => {
    const { layout, found, gaps } = await captured(recording('luks2-integrity', release), signal);
    expect(gaps).toEqual([]);
    expect(found).toMatchObject([
      { open: true, name: 'whole', geometry: { integrity: { type: 'hmac(sha256)' }, sectorSize: 4096 } },
    ]);
    const filesystem = layout.components.find(({ kind }) => kind === 'ext');
    expect(filesystem?.on).toEqual([found[0]?.id]);
    expect(layout.components.filter(({ kind }) => kind === 'unknown')).toEqual([]);
  });
});

/** What `dd` read of the first header. */
function headerBytes(machine: Recording): Buffer {
  const found = machine.commands.find(
    ({ argv, stdout }) => argv[0] === 'dd' && argv.includes('count=4') && stdout.startsWith('LUKS'),
  );
  return nameToBytes(found?.stdout ?? '');
}

test('no salt, no digest and nothing sealed is in the document', async ({ signal }) => {
  const machine = recording('luks2', 'debian12');
  const { layout } = await captured(machine, signal);
  const json = headerBytes(machine).subarray(4096).toString().replace(/\0+$/, '');
  const secrets = [...json.matchAll(/"(?:salt|digest|tpm2-blob|ciphertext|iv|tag)":"([^"]+)"/g)].map(([, one]) => one);
  expect(secrets).toHaveLength(9);
  const text = JSON.stringify(layout);
  for (const secret of secrets) expect(text).not.toContain(`"${secret}"`);
});

test('a damaged first header: the second is read, and if that is damaged too there is a gap', async ({ signal }) => {
  const machine = recording('luks2', 'debian12');
  const whole = await captured(machine, signal);
  const isHeader = ({ argv, stdout }: Recording['commands'][number]) => argv[0] === 'dd' && stdout.startsWith('LUKS');
  const damaged = structuredClone(machine);
  const [head, full] = damaged.commands.filter(isHeader);
  if (head === undefined || full === undefined) throw new Error('no header was recorded');
  const argvAt = (
    { argv: [program, from = '', size = '', ...rest] }: typeof head,
    skip: number,
  ): [string, ...string[]] => [program, from, size, `skip=${skip}`, ...rest];
  const second = nameToBytes(full.stdout);
  second.write('SKUL', 'latin1');
  second.writeBigUInt64BE(0x4000n, 256);
  second.fill(0, 448, 512);
  hash('sha256', second, 'buffer').copy(second, 448);
  const copy = [
    { ...head, argv: argvAt(head, 4), stdout: nameFromBytes(second.subarray(0, 4096)) },
    { ...full, argv: argvAt(full, 4), stdout: nameFromBytes(second) },
  ];
  damaged.commands.push(...copy);
  // One byte of the JSON is another: what it says can still be read, and is not believed.
  full.stdout = full.stdout.replace('"time":4', '"time":5');
  const { found, gaps } = await captured(damaged, signal);
  expect(found).toEqual(whole.found);
  expect(gaps).toMatchObject([{ subject: '/dev/sda1', problem: expect.stringContaining('first') }]);
  for (const { argv } of copy)
    damaged.commands.splice(
      damaged.commands.findIndex((one) => one.argv === argv),
      1,
    );
  const none = await captured(damaged, signal);
  expect(none.gaps).not.toEqual([]);
  expect(none.found.map(({ geometry: _geometry, ...rest }) => rest)).toEqual(
    whole.found.map(({ geometry: _geometry, subsystem: _subsystem, ...rest }) => rest),
  );
});

test('what is not a header, and what is not whole', () => {
  const header = headerBytes(recording('luks2', 'debian12'));
  expect(parseHead(Buffer.alloc(4096))).toBe('damaged');
  expect(parseHead(Buffer.alloc(0))).toBe('damaged');
  const whole = parseVersion2(header);
  expect(whole).toMatchObject({ label: 'vault' });
  const newer = Buffer.from(header.subarray(0, 4096));
  newer.writeUInt16BE(3, 6);
  expect(() => parseHead(newer)).toThrow('version 3');
  fc.assert(
    fc.property(fc.nat(header.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const changed = Buffer.from(header);
      changed.writeUInt8(changed.readUInt8(at) ^ bits, at);
      // Behind the checksum there is room for a longer one.
      const same = { ...(whole === 'damaged' ? {} : whole), sum: expect.any(String) };
      expect(parseVersion2(changed)).toEqual(at >= 480 && at < 512 ? same : 'damaged');
    }),
  );
});

test('what is left of another header at the place of a second one is none', () => {
  const first = headerBytes(recording('luks2', 'debian12')).subarray(0, 4096);
  const at = (place: number, says: number, length = first.readBigUInt64BE(8)) => {
    const head = Buffer.from(first);
    head.write('SKUL', 'latin1');
    head.writeBigUInt64BE(length, 8);
    head.writeBigUInt64BE(BigInt(says), 256);
    return parseHead(head, place);
  };
  expect(at(0x4000, 0x4000)).toEqual({ version: 2, lengthBytes: 0x4000 });
  expect(at(0x4000, 0x8000)).toBe('damaged');
  expect(at(0x8000, 0x8000)).toBe('damaged');
  expect(at(0x8000, 0x8000, 0x8000n)).toEqual({ version: 2, lengthBytes: 0x8000 });
  // The magic of a first one is none there, nor that of a second one at the beginning.
  expect(parseHead(first, 0x4000)).toBe('damaged');
  expect(at(0, 0)).toBe('damaged');
});

test('what a copy of the header is made of', async () => {
  const second = parseVersion2(headerBytes(recording('luks2', 'debian12')));
  expect(second).toMatchObject({
    area: {
      sizeBytes: 16 * 1024 * 1024,
      parts: [
        { offsetBytes: 0, lengthBytes: 32_768 },
        { offsetBytes: 32_768, lengthBytes: 258_048 },
        { offsetBytes: 290_816, lengthBytes: 258_048 },
        { offsetBytes: 548_864, lengthBytes: 258_048 },
      ],
    },
  });
  const [head] = recording('luks1', 'debian12').commands.filter(
    ({ argv, stdout }) => argv[0] === 'dd' && stdout.startsWith('LUKS'),
  );
  expect(parseHead(nameToBytes(head?.stdout ?? ''))).toMatchObject({
    area: {
      // Of all eight slots, as those that are not in use are there too.
      sizeBytes: 1_114_112,
      parts: [
        { offsetBytes: 0, lengthBytes: 4096 },
        { offsetBytes: 266_240, lengthBytes: 128_000 },
        { offsetBytes: 790_528, lengthBytes: 128_000 },
      ],
    },
  });
});

test('tokens that lifeboat does not know keep their names only', () => {
  const token = { type: 'vendor', keyslots: ['3', '1'], secret: 'hunter2', nested: { key: 'x' } };
  expect(luksToken(7, token)).toEqual({
    number: 7,
    type: 'vendor',
    slots: [1, 3],
    settings: { secret: '[redacted]', nested: '[redacted]' },
  });
  const head = (clevis: object) => Buffer.from(JSON.stringify({ alg: 'dir', clevis })).toString('base64url');
  const tpm2 = {
    pin: 'tpm2',
    tpm2: { hash: 'sha256', jwk_priv: 'sealed', key: 'ecc', pcr_bank: 'sha256', pcr_ids: '7' },
  };
  const tang = { pin: 'tang', tang: { url: 'http://key.example.net', adv: { keys: ['sealed'] } } };
  const several = { pin: 'sss', sss: { t: 2, p: 'sealed', jwe: [`${head(tpm2)}.a.b`, `${head(tang)}..c`, 'none'] } };
  expect(luksToken(0, { type: 'clevis', keyslots: [], jwe: { protected: head(several) } }).settings).toEqual({
    jwe: {
      pin: 'sss',
      sss: {
        t: 2,
        pins: [
          { pin: 'tpm2', tpm2: { pcr_bank: 'sha256', pcr_ids: '7' } },
          { pin: 'tang', tang: { url: 'http://key.example.net' } },
          '[redacted]',
        ],
      },
    },
  });
  expect(luksToken(0, { type: 'clevis', keyslots: [], jwe: { protected: 'e30' } }).settings).toEqual({
    jwe: '[redacted]',
  });
  expect(
    luksToken(0, { type: 'systemd-pkcs11', keyslots: [], 'pkcs11-uri': 'pkcs11:token=a?pin-value=1234' }).settings,
  ).toEqual({ 'pkcs11-uri': 'pkcs11:token=a?pin-value=[redacted]' });
});
