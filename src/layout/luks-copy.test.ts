import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { type Recording, recordedHost, recordingSchema } from '../host/recorded.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { luksImage, luksLayout } from '../../test/helpers/luks-image.ts';
import { captureLayout } from './capture.ts';
import { copyHeaders } from './luks-copy.ts';
import type { ComponentOf, Layout } from './types.ts';

type Luks = ComponentOf<'luks'>;

const uuid = '0b0f1a4e-0300-4000-8000-000000000004';

/** A recorded machine with slots, which no capture ever reads. */
function machine(stack = 'luks2'): Recording {
  const path = join(import.meta.dirname, `../../test/fixtures/lab/${stack}.debian12.json`);
  const recording = recordingSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  const header = recording.commands.find(({ argv }) => argv[0] === 'dd' && argv.includes('count=4'))?.stdout ?? '';
  const both = Buffer.concat([nameToBytes(header), nameToBytes(header)]);
  for (const [skip, bytes] of [
    [0, both],
    [32_768, Buffer.alloc(258_048, 'a')],
    [290_816, Buffer.alloc(258_048, 'b')],
    [548_864, Buffer.alloc(258_048, 'c')],
  ] as const)
    recording.commands.push(partOf('/dev/sda1', skip, bytes));
  return recording;
}

function partOf(path: string, skip: number, bytes: Buffer): Recording['commands'][number] {
  const how = ['bs=64K', 'iflag=skip_bytes,count_bytes,fullblock'];
  const argv: [string, ...string[]] = [
    'dd',
    `if=${path}`,
    ...how,
    `skip=${skip}`,
    `count=${bytes.length}`,
    'status=none',
  ];
  return { argv, code: 0, stdout: nameFromBytes(bytes), stderr: '' };
}

async function copied(host: Host, layout: Layout, signal: AbortSignal, roomBytes = 1024 * 1024) {
  const asking = asker(host, signal);
  return { copies: await copyHeaders(layout, asking, roomBytes), gaps: asking.gaps };
}

test('both headers and the areas of the slots in use, each where it was', async ({ signal }) => {
  const host = recordedHost(machine());
  const { copies, gaps } = await copied(host, await captureLayout(host, new Date(), signal), signal);
  expect(gaps).toEqual([]);
  expect(copies).toMatchObject([{ uuid, version: 2, sizeBytes: 16 * 1024 * 1024 }]);
  expect(copies[0]?.parts.map((part) => [part.offsetBytes, part.bytes.length, part.bytes.at(-1)])).toEqual([
    [0, 32_768, 0],
    [32_768, 258_048, 0x61],
    [290_816, 258_048, 0x62],
    [548_864, 258_048, 0x63],
  ]);
});

test('of a volume that is being encrypted anew there is none', async ({ signal }) => {
  const path = join(import.meta.dirname, '../../test/fixtures/lab/reencrypt-luks2.debian12.json');
  const host = recordedHost(recordingSchema.parse(JSON.parse(readFileSync(path, 'utf8'))));
  const { copies, gaps } = await copied(host, await captureLayout(host, new Date(), signal), signal);
  expect(copies).toEqual([]);
  expect(gaps).toMatchObject([{ problem: 'its LUKS header is not kept: the volume is being encrypted anew' }]);
});

test('a slot that is changed meanwhile is read again', async ({ signal }) => {
  const recording = machine();
  const layout = await captureLayout(recordedHost(recording), new Date(), signal);
  const full = recording.commands.find(({ argv }) => argv[0] === 'dd' && argv.includes('count=4'));
  const slot = recording.commands.find(({ argv }) => argv.includes('skip=32768'));
  if (full === undefined || slot === undefined) throw new Error('not recorded');
  // Before, after, and then twice the same: only the first attempt was in between.
  const other = nameToBytes(full.stdout);
  other.writeUInt8(other.readUInt8(500) ^ 1, 500);
  full.stdout = nameFromBytes(other);
  const now = { ...full, stdout: nameFromBytes(nameToBytes(full.stdout).fill(0, 480, 512)) };
  recording.commands.push(now, { ...slot, stdout: nameFromBytes(Buffer.alloc(258_048, 'd')) });
  const { copies, gaps } = await copied(recordedHost(recording), layout, signal);
  expect(gaps).toEqual([]);
  expect(copies[0]?.parts[1]?.bytes.equals(Buffer.alloc(258_048, 'd'))).toBe(true);
});

test('what changes all the time, is another volume now, cannot be read, hangs or is cut off, is a gap', async ({
  signal,
}) => {
  const recording = machine();
  const layout = await captureLayout(recordedHost(recording), new Date(), signal);
  const problems = async (host: Host, of: Layout = layout) => {
    const { copies, gaps } = await copied(host, of, signal);
    expect(copies).toEqual([]);
    return gaps.map(({ subject, problem }) => `${subject}: ${problem}`).join('\n');
  };
  const changing = structuredClone(recording);
  const full = changing.commands.find(({ argv }) => argv[0] === 'dd' && argv.includes('count=4'));
  if (full === undefined) throw new Error('not recorded');
  for (let time = 1; time < 9; time += 1) {
    const other = nameToBytes(full.stdout);
    other.writeUInt8(time, 500);
    changing.commands.push({ ...full, stdout: nameFromBytes(other) });
  }
  expect(await problems(recordedHost(changing))).toBe(
    `luks:${uuid}: its LUKS header is not kept: it changes all the time`,
  );

  const volume = (change: (one: Luks) => Luks): Layout => ({
    ...layout,
    components: layout.components.map((one) => (one.kind === 'luks' ? change(one) : one)),
  });
  const renamed = volume((one) => ({ ...one, id: 'luks:another', uuid: 'another' }));
  expect(await problems(recordedHost(recording), renamed)).toContain('/dev/sda1 is another volume now');

  const host = recordedHost(recording);
  const failing = (work: (skip: string | undefined) => Buffer): Host => ({
    ...host,
    run: async (argv, options, stop) => {
      const skip = argv.find((word) => word.startsWith('skip='));
      if (argv[0] !== 'dd') return await host.run(argv, options, stop);
      const stdout = work(skip);
      return stdout.length === 0 ? await host.run(argv, options, stop) : { code: 0, stdout, stderr: '' };
    },
  });
  const dead = failing(() => {
    throw new LifeboatError('command-timeout', 'dd did not answer');
  });
  expect(await problems(dead)).toMatch(/dd did not answer\n.*\/dev\/sda1 cannot be read/);
  // Of what it read nothing is told, whatever is wrong with it.
  const short = failing((skip) => (skip === 'skip=32768' ? Buffer.alloc(100, 'KEY') : Buffer.alloc(0)));
  const told = await problems(short);
  expect(told).toContain('cannot be read');
  expect(told).not.toContain('KEY');

  expect(
    await problems(
      host,
      volume((one) => ({ ...one, on: [] })),
    ),
  ).toContain('it is not known where it is');
  // What opens a copy need not open what it is a copy of.
  expect(
    await problems(
      host,
      volume((one) => ({ ...one, id: 'luks:on:lv:snapshot' })),
    ),
  ).toBe(`luks:on:lv:snapshot: its LUKS header is not kept: the volume is a copy of another with the UUID ${uuid}`);
});

test('a header that lies apart, nobody knows where, is not looked for on the device with the data', async ({
  signal,
}) => {
  const path = join(import.meta.dirname, '../../test/fixtures/lab/luks2-detached.debian12.json');
  const recording = recordingSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  const about = async (crypttab: string) => {
    const machine = { ...recording, files: { ...recording.files, '/etc/crypttab': crypttab } };
    const layout = await captureLayout(recordedHost(machine), new Date(), signal);
    const unread = layout.components.filter((one): one is Luks => one.kind === 'luks' && one.uuid === undefined);
    expect(unread).not.toEqual([]);
    const asked: string[] = [];
    const host = recordedHost(machine);
    const watched: Host = {
      ...host,
      run: async (argv, ...rest) => {
        asked.push(argv.join(' '));
        return await host.run(argv, ...rest);
      },
    };
    const { gaps } = await copied(watched, { ...layout, components: unread }, signal);
    expect(asked).toEqual([]);
    return gaps.map(({ problem }) => problem);
  };
  const silent = await about('');
  expect(new Set(silent)).toEqual(new Set(['its LUKS header is not kept: it is not known where it is']));
  // On a device that is away, which is no file of this name here.
  const away = await about(
    (recording.files['/etc/crypttab'] ?? '').replaceAll(/header=(\/[^,\s]*\.img)/g, 'header=$1:LABEL=away'),
  );
  expect(new Set(away)).toEqual(
    new Set(['its LUKS header is not kept: it could not be read when the layout was captured']),
  );
});

/** A layout of volumes whose headers are these files, and a host that has them. */
function filed(files: Readonly<Record<string, Buffer>>) {
  const read: number[] = [];
  const host: Host = {
    ...recordedHost(machine()),
    run: async (argv) => {
      const given = new Map(argv.slice(1).map((word) => [word.split('=')[0], word.split('=')[1] ?? '']));
      const inBytes = given.get('iflag') !== undefined;
      const [skip, count] = ['skip', 'count'].map(
        (name) => Number(given.get(name) ?? 0) * (inBytes ? 1 : Number(given.get('bs'))),
      );
      if (inBytes) read.push(count ?? 0);
      const out = Buffer.alloc(count ?? 0);
      files[given.get('if') ?? '']?.copy(out, 0, skip);
      return { code: 0, stdout: out, stderr: '' };
    },
  };
  return { host, layout: luksLayout(files), read };
}

/** The header of version 2 with another JSON, its checksum right. */
function rewritten(change: (json: { keyslots: Record<string, Slot>; config: { keyslots_size: string } }) => void) {
  const image = luksImage('luks2');
  const json = JSON.parse(image.toString('utf8', 4096, image.indexOf(0, 4096)));
  change(json);
  image.fill(0, 4096, 16_384);
  image.write(JSON.stringify(json), 4096);
  return withSum(image);
}

interface Slot {
  type?: string;
  area: { offset: string; size: string };
}

const MiB = 1024 * 1024;

test('a header that says what cannot be is a gap of its own volume, and nothing is read by it', async ({ signal }) => {
  const odd = luksImage('luks1');
  // A slot that is not in use lies far behind.
  odd.writeUInt32BE(0xffffffff, 208 + 48 * 7 + 40);
  const { host, layout, read } = filed({ '/odd': odd, '/good': luksImage('luks2') });
  const { copies, gaps } = await copied(host, layout, signal);
  expect(copies.map((copy) => copy.uuid)).toEqual([uuid]);
  expect(gaps).toMatchObject([
    { problem: expect.stringContaining('where it says that its slots are, they cannot be') },
  ]);
  expect(read).toHaveLength(4);

  for (const change of [
    (slot: Slot) => (slot.area.offset = '8192'),
    (slot: Slot) => (slot.area.offset = '290816'),
    (slot: Slot) => (slot.area.size = String(64 * MiB)),
    (slot: Slot) => (slot.area.size = '9'.repeat(20)),
  ]) {
    const hostile = filed({
      '/odd': rewritten(({ keyslots: { '0': first } }) => void (first === undefined ? first : change(first))),
    });
    expect(await copied(hostile.host, hostile.layout, signal)).toMatchObject({ copies: [], gaps: [{}] });
    expect(hostile.read).toEqual([]);
  }
  const many = filed({
    '/odd': rewritten(({ keyslots, config }) => {
      config.keyslots_size = String(4096 * MiB);
      for (let slot = 0; slot < 100; slot += 1)
        keyslots[slot] = { type: 'luks2', area: { offset: String((slot + 1) * MiB), size: String(MiB) } };
    }),
  });
  expect(await copied(many.host, many.layout, signal)).toMatchObject({ copies: [], gaps: [{}] });
  expect(many.read).toEqual([]);
});

test('what there is no room for is not read; the smallest come first', async ({ signal }) => {
  const large = rewritten(({ keyslots, config }) => {
    config.keyslots_size = String(128 * MiB);
    const [slot] = Object.values(keyslots);
    if (slot !== undefined) slot.area = { offset: String(2 * MiB), size: String(100 * MiB) };
  });
  large.write('ffff', 168);
  const { host, layout, read } = filed({ '/large': withSum(large), '/root': luksImage('luks2') });
  const { copies, gaps } = await copied(host, layout, signal);
  expect(copies.map((copy) => copy.uuid)).toEqual([uuid]);
  expect(gaps).toMatchObject([{ problem: 'its LUKS header is not kept: there is no room for it beside the others' }]);
  expect(Math.max(...read)).toBeLessThan(MiB);
});

function withSum(image: Buffer): Buffer {
  image.fill(0, 448, 512);
  hash('sha256', image.subarray(0, 16_384), 'buffer').copy(image, 448);
  return image;
}

test('one whose first header is damaged is to be repaired first, and that is said once', async ({ signal }) => {
  const image = luksImage('luks2');
  const second = Buffer.from(image.subarray(0, 16_384));
  second.write('SKUL', 'latin1');
  second.writeBigUInt64BE(0x4000n, 256);
  withSum(second).copy(image, 16_384);
  const { host, layout } = filed({ '/file': image });
  image.fill(1, 0, 64);
  const { copies, gaps } = await copied(host, layout, signal);
  expect(copies).toEqual([]);
  expect(gaps.map(({ problem }) => problem)).toEqual([
    'the first of its two LUKS headers is damaged; the second was read',
    'its LUKS header is not kept: the first of the two on /file is damaged',
  ]);
});
