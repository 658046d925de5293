import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { blankDisks } from '../../test/helpers/blank-disks.ts';
import { sourceDigest } from '../layout/rebuild/document.ts';
import { type Mark, markContent } from '../layout/rebuild/mark.ts';
import { present } from '../kernel/present.ts';
import type { Component, ComponentOf, Layout } from '../layout/types.ts';
import type { Recovered } from '../point/point.ts';
import { refuseTwice } from './twice.ts';

const { signal } = new AbortController();
const host = localHost();
const size = 32 << 20;
let directory: string;
let disk: ComponentOf<'disk'>;
let layout: Layout;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-'));
  const device = join(directory, 'disk');
  await writeFile(device, '');
  await truncate(device, size);
  const rest = { rotational: false, removable: false, readOnly: false };
  disk = { kind: 'disk', id: 'disk:S1', on: [], device, sizeBytes: size, ...rest };
  layout = { format: 'lifeboat.layout/1', capturedAt: '2026-11-22T06:00:00.000Z', components: [disk], gaps: [] };
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await host[Symbol.asyncDispose]();
});

async function marked(recovered?: { readonly point: string; readonly medium?: string }): Promise<void> {
  const mark: Mark = {
    plan: 'p',
    of: sourceDigest(layout),
    disk: disk.id,
    at: layout.capturedAt,
    disks: [],
    was: 'blank',
    makes: [],
    ...(recovered === undefined ? {} : { recovered }),
  };
  const content = Buffer.alloc(size);
  markContent(mark).copy(content, (1 << 20) - 4096);
  await writeFile(disk.device, content);
}

test.each([
  [undefined, true, false, false],
  [{ point: 'p1', medium: 'm1' }, false, true, true],
  [{ point: 'p1' }, false, true, true],
  [{ point: 'p0', medium: 'm0' }, false, true, false],
] as const)('a disk that says %j', async (recovered, isBlank, isRefused, isRefusedNamed) => {
  await marked(recovered);
  // Of an attempt that was cut off it is taken again; of one that ended it is a disk with something on it.
  expect((await blankDisks(layout, layout, host, signal)).has(disk.id)).toBe(isBlank);
  for (const [isNamed, isIt] of [
    [false, isRefused],
    [true, isRefusedNamed],
  ] as const) {
    const again = refuseTwice(layout, { point: 'p1', isNamed, recovered: [] }, host, signal);
    if (isIt) await expect(again).rejects.toMatchObject({ code: 'recovered-before' });
    else expect(await again).toEqual([]);
  }
});

const record: Recovered = {
  format: 'lifeboat.attestation/2',
  point: 'p1',
  at: '2026-11-22T06:00:00.000Z',
  by: { host: 'box', version: '1' },
  kind: 'recovered',
  how: 'recover',
  what: 'machine',
  result: 'passed',
  seconds: 1,
  rpoSeconds: 1,
  phases: [],
};

/** On record only: the disk has no mark. The last comes first. */
async function again(
  records: readonly (Partial<Recovered> & { disks: readonly object[]; medium?: string })[],
  more: Partial<typeof disk> = {},
  { isUsed = true, isNamed = false } = {},
) {
  await writeFile(disk.device, Buffer.alloc(size));
  const table: Component = { kind: 'table', id: 'table:S1', on: [disk.id], type: 'gpt' };
  const here: Layout = { ...layout, components: [{ ...disk, serial: 'S1', ...more }, ...(isUsed ? [table] : [])] };
  const recovered = records.map(({ disks, medium, ...rest }) => {
    const machine = {
      firmware: 'bios',
      disks: disks.map((one) => ({ sizeBytes: size, ...one })),
      ...present({ medium }),
    };
    return { ...record, ...rest, machine };
  });
  return await refuseTwice(here, { point: 'p1', isNamed, recovered }, host, signal);
}

const onS1 = { disks: [{ serial: 'S1' }] };

test.each([
  ['recovered on these disks, which have something on them', [onS1], true],
  ['of another point, by another medium or by a person', [{ ...onS1, point: 'p0', medium: 'm0' }], true],
  [
    'behind that of another machine and a drill',
    [{ ...onS1, how: 'drill' }, { disks: [{ serial: 'S9' }] }, onS1],
    true,
  ],
  ['as a drill', [{ ...onS1, how: 'drill' }], false],
  ['in vain', [{ ...onS1, result: 'failed' }], false],
  ['on another disk besides', [{ disks: [{ serial: 'S1' }, { serial: 'S2' }] }], false],
] as const)('on record, and without a mark: %s', async (_, records, isRefused) => {
  const asked = again(records);
  if (isRefused) await expect(asked).rejects.toMatchObject({ code: 'recovered-before' });
  else expect(await asked).toEqual([]);
});

test('on record: of a point that is asked for by its id only what was done of that counts, and not only the last', async () => {
  const another = { ...onS1, point: 'p0' };
  expect(await again([another], {}, { isNamed: true })).toEqual([]);
  await expect(again([another, onS1], {}, { isNamed: true })).rejects.toMatchObject({ code: 'recovered-before' });
});

test('on record: disks are known by WWN, too, and of those that say nothing that is told', async () => {
  await expect(again([{ disks: [{ wwn: 'W1' }] }], { wwn: 'W1' })).rejects.toMatchObject({ code: 'recovered-before' });
  expect(await again([{ disks: [{ wwn: 'W1' }] }], { wwn: 'W2' })).toEqual([]);
  await expect(again([{ disks: [{}, { serial: 'S1' }] }])).rejects.toMatchObject({ code: 'recovered-before' });
  expect(await again([onS1], {}, { isUsed: false })).toEqual([]);
  expect(await again([{ disks: [{}] }])).toEqual([expect.stringContaining('neither serial number nor WWN')]);
  expect(await again([{ disks: [{}, { serial: 'S9' }] }])).toEqual([]);
  await expect(again([{ disks: [{}] }, onS1])).rejects.toMatchObject({ code: 'recovered-before' });
});
