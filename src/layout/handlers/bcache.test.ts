/** bcache as the stacks of the lab were recorded, by what their scripts told its tools. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Recording, recordedHost, recordingSchema } from '../../host/recorded.ts';
import { captureLayout } from '../capture.ts';
import { layoutChanges } from '../diff.ts';
import { parseRunning, parseSuperblock } from '../tools/bcache.ts';
import type { ComponentOf, Layout } from '../types.ts';
import { bcache } from './bcache.ts';

const { signal } = new AbortController();
const releases = ['debian11', 'debian12', 'debian13'] as const;
const setId = 'bcache-set:0b0f1a4e-0800-4000-8000-000000000001';

function recorded(stack: string, release = 'debian12'): Recording {
  const file = join(import.meta.dirname, `../../../test/fixtures/lab/${stack}.${release}.json`);
  return recordingSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

const captured = async (recording: Recording) =>
  await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);

function onDisk({ components }: Layout, disk: string): ComponentOf<'bcache'> {
  const found = components.filter((one) => one.kind === 'bcache').find(({ on }) => on[0] === disk);
  if (found === undefined) throw new Error(`nothing cached on ${disk}`);
  return found;
}

describe.each(releases)('%s', (release) => {
  test('two devices behind one cache, one with data that is there alone, and one without', async () => {
    const layout = await captured(recorded('bcache', release));
    const pages = onDisk(layout, 'disk:A');
    expect(pages).toMatchObject({
      on: ['disk:A', setId],
      label: 'pages',
      state: 'dirty',
      geometry: { cacheMode: 'writeback', blockBytes: 4096, dataOffsetBytes: 1 << 20 },
    });
    expect(pages.dirtyBytes).toBeGreaterThan(1 << 20);
    expect(bcache.title(pages)).toContain('in the cache alone');
    expect(bcache.coverage(pages, { mounted: false, carrying: true })).toMatchObject({ state: 'covered' });
    const alone = onDisk(layout, 'disk:D');
    expect(alone).toMatchObject({ on: ['disk:D'], state: 'no cache', geometry: { cacheMode: 'writethrough' } });
    expect(alone).not.toHaveProperty('set');
    expect(layout.components.find(({ id }) => id === setId)).toMatchObject({
      on: ['disk:C'],
      geometry: { bucketBytes: 65536, blockBytes: 4096, replacement: 'fifo', caches: 1 },
    });
    expect(layout.components.filter(({ on }) => on.includes(setId))).toHaveLength(2);
  });

  test('LVM stands on it; without the cache that has its newest data one does not run', async () => {
    const layout = await captured(recorded('bcache-lvm', release));
    const below = onDisk(layout, 'disk:A');
    expect(layout.components.find(({ kind }) => kind === 'pv')?.on).toEqual([below.id]);
    const lost = onDisk(layout, 'disk:C');
    expect(lost).toMatchObject({ on: ['disk:C'], set: '0b0f1a4e-0800-4000-8000-000000000003', state: 'dirty' });
    expect(bcache.coverage(lost, { mounted: false, carrying: false })).toMatchObject({
      state: 'not-covered',
      reason: expect.stringContaining('newest data is in the cache 0b0f1a4e-0800'),
    });
  });
});

test('how much is dirty, and by which name it runs, is no difference', async () => {
  const recording = recorded('bcache');
  const before = await captured(recording);
  for (const command of recording.commands)
    command.stdout = command.stdout.replace(/dirty_data:.*/g, 'dirty_data:0.0k');
  const after = await captured(recording);
  expect(onDisk(after, 'disk:A').dirtyBytes).toBe(0);
  expect(layoutChanges(before, after)).toEqual([]);
});

test('a superblock that cannot be read is a gap, and the device is there', async () => {
  const recording = recorded('bcache');
  const asked = recording.commands.find(({ argv }) => argv[0] === 'dd' && argv.includes('skip=16'));
  if (asked === undefined) throw new Error('no superblock was asked for');
  Object.assign(asked, { code: 1, stdout: '', stderr: 'dd: Input/output error' });
  const layout = await captured(recording);
  expect(layout.gaps.map(({ subject }) => subject)).toContain(asked.argv[1]?.replace('if=', ''));
});

describe('superblocks', () => {
  const block = Buffer.alloc(256);
  block.write('c68573f64e1a45ca8265f57f48ba6d81', 24, 'hex');
  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(block);
    change(copy);
    return copy;
  };

  test('buckets too large for their field', () => {
    const large = (features: bigint, size: number) =>
      changed((copy) => {
        copy.writeBigUInt64LE(5n, 16);
        copy.writeBigUInt64LE(features, 128);
        copy.writeUInt16LE(size, 194);
      });
    expect(parseSuperblock(large(2n, 17), 1 << 30)).toMatchObject({ bucketBytes: 2 ** 26 });
    expect(parseSuperblock(large(0n, 1024), 1 << 30)).toMatchObject({ bucketBytes: 1 << 19 });
    expect(parseSuperblock(large(1n, 1024), 1 << 30)).not.toHaveProperty('bucketBytes');
  });

  test('of a version that nobody knows, and of something else', () => {
    expect(() =>
      parseSuperblock(
        changed((copy) => copy.writeBigUInt64LE(9n, 16)),
        1 << 30,
      ),
    ).toThrow('version 9');
    expect(() => parseSuperblock(Buffer.alloc(256), 1 << 30)).toThrow('not a superblock');
    expect(() => parseSuperblock(Buffer.alloc(0), 1 << 30)).toThrow('not a superblock');
  });
});

test('amounts as the kernel writes them', () => {
  const said = (value: string) =>
    parseRunning(`/sys/block/bcache0/bcache/dirty_data:${value}\n`).get('bcache0')?.dirtyBytes;
  expect([said('0.0k'), said('9.1M'), said('512'), said('1.5G')]).toEqual([0, 9542042, 512, 1610612736]);
  expect(() => said('much')).toThrow('not an amount');
});
