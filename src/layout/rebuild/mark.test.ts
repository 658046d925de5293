import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localHost } from '../../host/local.ts';
import type { Component, ComponentOf } from '../types.ts';
import { blankDisks } from '../../../test/helpers/blank-disks.ts';
import { layoutOf } from '../../../test/helpers/small-layout.ts';
import { refuseStartable } from '../../recover/twice.ts';
import { isBlank } from './blank.ts';
import { sourceDigest } from './document.ts';
import { type Mark, markCommands, markContent, markPlace, markStartable, readMark, unmark } from './mark.ts';
import { siteOf } from './site.ts';

const { signal } = new AbortController();
const host = localHost();
const size = 40 << 20;
const at = '2026-11-22T06:00:00.000Z';
let directory: string;
let device: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-mark-'));
  device = join(directory, 'disk');
  await writeFile(device, '');
  await truncate(device, size);
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function disk(id = 'disk:A'): ComponentOf<'disk'> {
  return { kind: 'disk', id, on: [], device, sizeBytes: size, rotational: false, removable: false, readOnly: false };
}

/** A disk with a table, and a partition that begins there. */
function siteFrom(startBytes: number) {
  const table: Component = { kind: 'table', id: 'table:disk:A', on: ['disk:A'], type: 'gpt' };
  const partition: Component = {
    kind: 'partition',
    id: 'partition:1',
    on: [table.id],
    device: '',
    number: 1,
    sizeBytes: 1,
    startBytes,
  };
  return siteOf([disk(), table, partition]);
}

test('there is room between a table and the first partition, today and in the days of cylinders; on a disk without a table there is none', () => {
  expect(markPlace('disk:A', siteFrom(1 << 20))).toBe((1 << 20) - 4096);
  expect(markPlace('disk:A', siteFrom(63 * 512))).toBe(63 * 512 - 4096);
  expect(markPlace('disk:A', siteFrom(34 * 512))).toBeUndefined();
  expect(markPlace('disk:A', siteOf([disk()]))).toBeUndefined();
});

test('a mark is read again, is not that of a copy on another disk, and goes', async () => {
  const mark: Mark = { plan: 'p', of: 'o', disk: 'disk:A', at, disks: [], was: 'blank', makes: [] };
  const place = markPlace('disk:A', siteFrom(1 << 20)) ?? 0;
  expect(await readMark(host, disk(), signal)).toBeUndefined();
  const write = markCommands('disk:A', place, siteOf([disk()])).at(-1);
  if (write === undefined) throw new Error('nothing is written');
  const [program, ...words] = write.argv;
  const argv = [
    program,
    ...words.map((word) => (typeof word === 'string' ? word : `${word.before}${device}`)),
  ] as const;
  await host.run(argv, { stdin: markContent(mark) }, signal);
  expect(await readMark(host, disk(), signal)).toEqual(mark);
  expect(await readMark(host, disk('disk:B'), signal)).toBeUndefined();
  expect(await isBlank(host, device, size, signal)).toBe(false);
  await unmark([disk('disk:B')], host, signal);
  expect(await readMark(host, disk(), signal)).toEqual(mark);
  const machine = layoutOf(disk());
  const isTaken = async (of: string) => {
    await host.run(argv, { stdin: markContent({ ...mark, of }) }, signal);
    return (await blankDisks(machine, machine, host, signal)).has('disk:A');
  };
  expect(await isTaken('another machine')).toBe(false);
  expect(await isTaken(sourceDigest(machine))).toBe(true);
  const swap: Component = { kind: 'swap', id: 'swap:new', on: ['disk:A'], active: false, sizeBytes: 1 };
  expect(await blankDisks(machine, layoutOf(disk(), swap), host, signal)).toEqual(new Set());
  await expect(refuseStartable(machine, machine, 'own', host, signal)).resolves.toBeUndefined();
  await markStartable([disk()], host, signal);
  expect(await blankDisks(machine, machine, host, signal)).toEqual(new Set());
  await expect(refuseStartable(machine, machine, 'own', host, signal)).rejects.toMatchObject({
    code: 'refused',
    hint: expect.stringContaining('--from finalize'),
  });
  // It has run since, and was backed up: it is another machine by its digest, and its mark is of the one before.
  const since = layoutOf({ ...disk(), sizeBytes: size + 1 });
  await expect(refuseStartable(machine, since, 'own', host, signal)).resolves.toBeUndefined();
  await expect(refuseStartable(machine, since, 'anybody', host, signal)).rejects.toMatchObject({ code: 'refused' });
  await host.run(argv, { stdin: markContent(mark) }, signal);
  await unmark([disk()], host, signal, { point: 'p1', medium: 'm' });
  expect(await readMark(host, disk(), signal)).toEqual({ ...mark, recovered: { point: 'p1', medium: 'm' } });
  await unmark([disk()], host, signal);
  expect(await readMark(host, disk(), signal)).toBeUndefined();
  expect(await isBlank(host, device, size, signal)).toBe(true);
});

/** By a program of ours, and by those of a system that is reached otherwise. */
const hosts = [host, { ...host, name: 'other' }];
const places = [0, 511, (8 << 20) - 1, size / 2, size - 1];

test.each(hosts.flatMap((one) => places.map((place) => ({ by: one.name, one, place }))))(
  'a disk with a byte at $place is not blank ($by)',
  async ({ one, place }) => {
    // In the middle only samples are read: the whole of one is written there.
    const bytes = place === size / 2 ? 2 * (size / 256) : 1;
    await using file = await open(device, 'r+');
    await file.write(Buffer.alloc(bytes, 1), 0, bytes, place);
    expect(await isBlank(one, device, size, signal)).toBe(false);
  },
);

test.each(hosts)('what can be read as nothing is blank, and what cannot be read is not ($name)', async (one) => {
  expect(await isBlank(one, device, size, signal)).toBe(true);
  expect(await isBlank(one, join(directory, 'none'), size, signal)).toBe(false);
  expect(await isBlank(one, directory, size, signal)).toBe(false);
  expect(await isBlank(one, device, size + 4096, signal)).toBe(false);
  expect(await isBlank(one, device, 0, signal)).toBe(false);
});
