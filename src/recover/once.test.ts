import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { blankDisks } from '../layout/rebuild/blank.ts';
import { sourceDigest } from '../layout/rebuild/document.ts';
import { markContent } from '../layout/rebuild/mark.ts';
import type { ComponentOf, Layout } from '../layout/types.ts';
import { refuseTwice } from './once.ts';

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
  const mark = {
    plan: 'p',
    of: sourceDigest(layout),
    disk: disk.id,
    ...(recovered === undefined ? {} : { recovered }),
  };
  const content = Buffer.alloc(size);
  markContent(mark).copy(content, (1 << 20) - 4096);
  await writeFile(disk.device, content);
}

test.each([
  [undefined, true, false],
  [{ point: 'p1', medium: 'm1' }, false, true],
  [{ point: 'p1' }, false, true],
  [{ point: 'p0', medium: 'm1' }, false, true],
  [{ point: 'p0', medium: 'm0' }, false, false],
] as const)('a disk that says %j', async (recovered, isBlank, isRefused) => {
  await marked(recovered);
  // Of an attempt that was cut off it is taken again; of one that ended it is a disk with something on it.
  expect((await blankDisks(layout, layout, host, signal)).has(disk.id)).toBe(isBlank);
  const again = refuseTwice(layout, { point: 'p1', medium: 'm1' }, host, signal);
  if (isRefused) await expect(again).rejects.toMatchObject({ code: 'recovered-before' });
  else await again;
});

test.each([
  ['recovered on these disks, which have something on them', {}, ['S1'], true, true],
  ['as a drill', { how: 'drill' }, ['S1'], true, false],
  ['in vain', { result: 'failed' }, ['S1'], true, false],
  ['on another disk besides', {}, ['S1', 'S2'], true, false],
  ['before they were wiped', {}, ['S1'], false, false],
] as const)('on record, and without a mark: %s', async (_, more, serials, isUsed, isRefused) => {
  await writeFile(disk.device, Buffer.alloc(size));
  const table = { kind: 'table', id: 'table:S1', on: [disk.id], type: 'gpt' } as const;
  const components = [{ ...disk, serial: 'S1' }, ...(isUsed ? [{ ...table, on: [disk.id] }] : [])];
  const recovered = {
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
    machine: { firmware: 'bios', disks: serials.map((serial) => ({ sizeBytes: size, serial })) },
    ...more,
  } as const;
  const here: Layout = { ...layout, components };
  const again = refuseTwice(here, { point: 'p1', recovered: { ...recovered, phases: [] } }, host, signal);
  if (isRefused) await expect(again).rejects.toMatchObject({ code: 'recovered-before' });
  else await again;
});
