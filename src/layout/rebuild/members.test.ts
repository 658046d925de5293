import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { localHost } from '../../host/local.ts';
import type { Component, Layout } from '../types.ts';
import type { Fates } from './fates.ts';
import { failingMembers } from './members.ts';

const { signal } = new AbortController();

interface Member {
  readonly state: string;
  readonly bad?: string;
  readonly unacknowledged?: string;
}

/** What the kernel shows of an array, and what is told of it. */
async function told(members: Readonly<Record<string, Member>>, fate: Fates['new'][number]['fate'] = 'create') {
  await using directory = await temporaryDirectory();
  for (const [name, { state, bad = '', unacknowledged = '' }] of Object.entries(members)) {
    const place = join(directory.path, 'md127/md', `dev-${name}`);
    await mkdir(place, { recursive: true });
    await writeFile(join(place, 'state'), `${state}\n`);
    await writeFile(join(place, 'bad_blocks'), bad);
    await writeFile(join(place, 'unacknowledged_bad_blocks'), unacknowledged);
  }
  const array: Component = {
    kind: 'md',
    id: 'md:1',
    on: [],
    device: join(directory.path, 'md127'),
    sizeBytes: 1 << 30,
  };
  const after: Layout = {
    format: 'lifeboat.layout/1',
    capturedAt: '2026-11-21T12:00:00Z',
    components: [array],
    gaps: [],
  };
  const fates: Fates = { old: [], new: [{ id: 'md:1', title: '', fate }] };
  const changes = await failingMembers({ fates }, after, localHost(), signal, directory.path);
  return changes.map(({ text }) => text.replace(/^.*: md /, 'md '));
}

test('nothing of members that are well', async () => {
  expect(
    await told({ sda2: { state: 'in_sync' }, sdb2: { state: 'in_sync,write_mostly' }, sdc: { state: 'spare' } }),
  ).toEqual([]);
});

test('each member with sectors that cannot be written to, once', async () => {
  const bad = '133120 8\n204800 16\n';
  expect(
    await told({
      sda2: { state: 'in_sync,want_replacement', bad, unacknowledged: '133120 8\n' },
      sdb2: { state: 'in_sync' },
    }),
  ).toEqual(['md cannot write to sectors 133120+8, 204800+16 of its member /dev/sda2']);
});

test('a member that has been thrown out, and one that has failed without a list', async () => {
  expect(await told({ 'cciss!c0d0': { state: 'faulty' }, sdb2: { state: 'in_sync,write_error' } })).toEqual([
    'md has given up its member /dev/cciss/c0d0',
    'md could not write everywhere to its member /dev/sdb2',
  ]);
});

test('nothing of an array that is left as it is', async () => {
  expect(await told({ sda2: { state: 'faulty' } }, 'keep')).toEqual([]);
});
