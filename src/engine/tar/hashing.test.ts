import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Hashing } from './hashing.ts';

const native = vi.hoisted(() => ({ hidden: false }));
vi.mock('../../native/crypto.ts', async (original) => {
  const actual: typeof import('../../native/crypto.ts') = await original();
  return { ...actual, partsHash: () => (native.hidden ? undefined : actual.partsHash()) };
});
afterEach(() => {
  native.hidden = false;
});

function sha256(...pieces: readonly Uint8Array[]): string {
  const sha = createHash('sha256');
  for (const piece of pieces) sha.update(piece);
  return sha.digest('hex');
}

describe.each(['by the addon', 'by Node'])('%s', (which) => {
  const hashing = (): Hashing => {
    native.hidden = which === 'by Node';
    return new Hashing();
  };

  test('contents within a chunk, over several, and empty ones, in order though nobody waited', async () => {
    const chunks = Array.from({ length: 3 }, () => randomBytes(10_000));
    const [one = Buffer.of(), two = Buffer.of(), three = Buffer.of()] = chunks;
    const all = hashing();
    all.end();
    all.bytes(100, 50);
    all.bytes(200, 50);
    all.end();
    all.bytes(9000, 1000);
    const first = all.run(one);
    all.bytes(0, 10_000);
    const second = all.run(two);
    all.end();
    all.bytes(0, 1);
    all.zeros(70_000);
    all.end();
    all.end();
    const third = all.run(three);
    expect(await Promise.all([first, second, third])).toEqual([
      [sha256(), sha256(one.subarray(100, 150), one.subarray(200, 250))],
      [],
      [sha256(one.subarray(9000), two), sha256(three.subarray(0, 1), Buffer.alloc(70_000)), sha256()],
    ]);
  });

  test('an abort ends what takes long', async () => {
    native.hidden = which === 'by Node';
    const stop = new AbortController();
    const all = new Hashing(stop.signal);
    all.zeros(60_000_000_000);
    all.end();
    const run = all.run(Buffer.alloc(0)).catch((error: unknown) => error);
    await delay(50);
    stop.abort();
    expect(await Promise.race([run, delay(5000, 'goes on')])).toMatchObject({ code: 'interrupted' });
  });

  test('what is too long for one turn', async () => {
    const all = hashing();
    const mebibyte = 1024 * 1024;
    const large = Buffer.alloc(65 * mebibyte, 'x');
    all.zeros(64 * mebibyte);
    all.end();
    all.bytes(1, 65 * mebibyte - 1);
    all.zeros(130 * mebibyte + 1);
    all.bytes(0, 3);
    all.end();
    all.bytes(0, 1);
    all.end();
    expect(await all.run(large)).toEqual([
      sha256(Buffer.alloc(64 * mebibyte)),
      sha256(large.subarray(1), Buffer.alloc(130 * mebibyte + 1), large.subarray(0, 3)),
      sha256(large.subarray(0, 1)),
    ]);
  });
});
