import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { inBlocks } from './blocks.ts';

/** In one buffer that is used again. */
async function* pieces(bytes: Buffer, lengths: readonly number[]): AsyncIterable<Buffer> {
  const piece = Buffer.alloc(100);
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const length = bytes.copy(piece, 0, at, at + (lengths[index % lengths.length] ?? 1));
    yield piece.subarray(0, length);
    at += length;
  }
}

/** Copies the block into its output, after a while; keeps note of what was asked. */
function copying(calls: { length: number; last: boolean }[], most: { atOnce: number }) {
  let now = 0;
  return async (block: Buffer, last: boolean, output: Buffer): Promise<Buffer> => {
    calls.push({ length: block.length, last });
    most.atOnce = Math.max(most.atOnce, ++now);
    await delay(Math.random() * 2);
    now--;
    return output.subarray(0, block.copy(output));
  };
}

test('blocks of one length, in order, no more at once than is allowed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 200 }),
      fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
      fc.integer({ min: 1, max: 3 }),
      async (total, lengths, atOnce) => {
        const bytes = randomBytes(total);
        const calls: { length: number; last: boolean }[] = [];
        const most = { atOnce: 0 };
        const given: Buffer[] = [];
        const work = copying(calls, most);
        for await (const block of inBlocks(pieces(bytes, lengths), { length: 20, room: 20, atOnce, work })) {
          given.push(Buffer.from(block));
          block.fill(0);
        }
        expect(Buffer.concat(given)).toEqual(bytes);
        expect(given.every(({ length }) => length > 0)).toBe(true);
        const count = Math.max(1, Math.ceil(total / 20));
        expect(calls.map(({ last }) => last)).toEqual(Array.from({ length: count }, (_, index) => index === count - 1));
        expect(calls.slice(0, -1).every(({ length }) => length === 20)).toBe(true);
        expect(most.atOnce).toBeLessThanOrEqual(atOnce);
      },
    ),
    { numRuns: 50 },
  );
});

test('what fails comes out in its turn, when nothing is in work any more', async () => {
  let working = 0;
  const work = async (block: Buffer): Promise<Buffer> => {
    working++;
    await delay(block[0] === 1 ? 1 : 20);
    working--;
    if (block[0] === 1) throw new Error('wrong');
    return block;
  };
  const given: number[] = [];
  const all = (async () => {
    const blocks = inBlocks(pieces(Buffer.of(0, 1, 2, 3), [4]), { length: 1, room: 1, atOnce: 3, work });
    for await (const block of blocks) given.push(block[0] ?? -1);
  })();
  await expect(all).rejects.toThrow('wrong');
  expect({ given, working }).toEqual({ given: [0], working: 0 });
});
