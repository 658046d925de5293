import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { type Recording, recordedHost, recordingSchema } from '../host/recorded.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { captureLayout } from './capture.ts';
import { copyHeaders } from './luks-copy.ts';
import type { Layout } from './types.ts';

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

async function copied(host: Host, layout: Layout, signal: AbortSignal) {
  const asking = asker(host, signal);
  return { copies: await copyHeaders(layout, asking), gaps: asking.gaps };
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

  const renamed: Layout = {
    ...layout,
    components: layout.components.map((one) => (one.kind === 'luks' ? { ...one, uuid: 'another' } : one)),
  };
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

  const apart: Layout = {
    ...layout,
    components: layout.components.map((one) => (one.kind === 'luks' ? { ...one, on: [] } : one)),
  };
  expect(await problems(host, apart)).toContain('it is not known where it is');
});
