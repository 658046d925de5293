/** Superblocks of bcache, made as the kernel and its tools made those that were recorded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordingSchema } from '../../host/recorded.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { backingSuperblock, parseSuperblock, superblockSum } from './bcache.ts';

const folder = join(import.meta.dirname, '../../../test/fixtures/lab');
const recorded = ['bcache.debian11', 'bcache.debian12', 'bcache-lvm.debian13'].flatMap((name) => {
  const { commands } = recordingSchema.parse(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
  return commands.flatMap(({ argv, stdout }) => (argv.includes('skip=16') ? [nameToBytes(stdout)] : []));
});

test('the sum of each that was recorded is the one that stands in it', () => {
  const backing = recorded.filter((block) => parseSuperblock(block, 2 ** 40).role === 'backing');
  expect(backing.length).toBeGreaterThan(5);
  for (const block of backing) expect(superblockSum(block)).toBe(block.readBigUInt64LE(0));
});

test('what is written is what is read, and whole', () => {
  const settings = fc.record({
    uuid: fc.uuid(),
    label: fc.stringMatching(/^[a-z]{1,32}$/),
    blockBytes: fc.constantFrom(512, 4096),
    dataOffsetBytes: fc.integer({ min: 16, max: 1 << 20 }).map((sectors) => sectors * 512),
    cacheMode: fc.constantFrom('writethrough', 'writeback', 'writearound', 'none'),
  });
  fc.assert(
    fc.property(settings, (said) => {
      const block = backingSuperblock(said);
      expect(parseSuperblock(block, 2 ** 40)).toEqual({ role: 'backing', ...said, state: 'no cache' });
      expect(superblockSum(block)).toBe(block.readBigUInt64LE(0));
    }),
  );
});
