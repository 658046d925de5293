import { setTimeout as delay } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { compressedBound, zstdFrames } from '../native/zstd.ts';
import { compressing, decompressing, FRAME_SIZE } from './zstd.ts';
import { addonCodec, nodeCodec } from './zstd-codec.ts';

const native = vi.hoisted(() => ({ hidden: false }));
vi.mock('../native/zstd.ts', async (original) => {
  const actual: typeof import('../native/zstd.ts') = await original();
  return { ...actual, zstdFrames: () => (native.hidden ? undefined : actual.zstdFrames()) };
});
afterEach(() => {
  native.hidden = false;
});

/** Text and what does not compress, equal in every run. */
function sample(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let index = 0, state = 7; index < length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[index] = index % 8192 < 4096 ? 0x61 + (index % 7) : state >>> 24;
  }
  return bytes;
}

async function* pieces(bytes: Buffer, size: number): AsyncIterable<Buffer> {
  // Used again, as the contract of producers allows.
  const piece = Buffer.alloc(size);
  for (let at = 0; at < bytes.length; at += size) {
    const length = bytes.copy(piece, 0, at, at + size);
    yield piece.subarray(0, length);
  }
}

/** Copies each piece before it asks for the next, and then spoils it. */
async function gathered(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const copies: Buffer[] = [];
  for await (const piece of source) {
    copies.push(Buffer.from(piece));
    piece.fill(0);
  }
  return Buffer.concat(copies);
}

async function* owned(bytes: Buffer, size = 1024 * 1024): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

describe.each(['by the addon', 'by Node'])('%s', (which) => {
  const hide = (): void => {
    native.hidden = which === 'by Node';
  };

  test.each([0, 1, 100, FRAME_SIZE - 1, FRAME_SIZE, FRAME_SIZE + 1, 5 * FRAME_SIZE + 77])(
    '%i bytes come back',
    async (length) => {
      hide();
      const bytes = sample(length);
      const frames = await Array.fromAsync(compressing(pieces(bytes, 100_000), 1), (frame) => Buffer.from(frame));
      if (length > 0) expect(frames).toHaveLength(Math.ceil(length / FRAME_SIZE));
      expect((await gathered(decompressing(owned(Buffer.concat(frames))))).equals(bytes)).toBe(true);
    },
  );

  test('several frames, empty ones and some to be skipped, in pieces of any length', async () => {
    hide();
    const skippable = Buffer.from('502a4d1803000000414243', 'hex');
    const [one, two] = [sample(3000), sample(300_000)];
    const all = Buffer.concat([
      skippable,
      zstdCompressSync(one),
      zstdCompressSync(Buffer.alloc(0)),
      skippable,
      zstdCompressSync(two),
      skippable,
    ]);
    for (const size of [1, 7, 1000, all.length]) {
      expect((await gathered(decompressing(owned(all, size)))).equals(Buffer.concat([one, two]))).toBe(true);
    }
  });

  test('every truncation but those between frames is told', async () => {
    hide();
    const first = await gathered(compressing(owned(sample(500)), 1));
    const all = Buffer.concat([first, first]);
    for (let length = 1; length < all.length; length++) {
      const read = gathered(decompressing(owned(all.subarray(0, length))));
      if (length === first.length) expect(await read).toHaveLength(500);
      else await expect(read).rejects.toMatchObject({ code: 'archive-damaged' });
    }
  });

  test('a flipped bit is told, or nothing was wrong', async () => {
    hide();
    const content = sample(20_000);
    const compressed = await gathered(compressing(owned(content), 1));
    let told = 0;
    for (let bit = 0; bit < 8 * compressed.length; bit += 41) {
      const flipped = Buffer.from(compressed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await gathered(decompressing(owned(flipped))).then(
        (read) => expect(read.equals(content)).toBe(true),
        (error: unknown) => {
          told++;
          expect(error).toMatchObject({ code: 'archive-damaged' });
        },
      );
    }
    expect(told).toBeGreaterThan((8 * compressed.length) / 41 - 10);
  });
});

test('both make frames that the other reads, and say what does not fit', async () => {
  const frames = zstdFrames();
  if (frames === undefined) throw new Error('the addon has no Zstandard in this Node');
  const addon = addonCodec(frames);
  const content = sample(100_000);
  for (const [maker, reader] of [
    [addon, nodeCodec],
    [nodeCodec, addon],
  ] as const) {
    const compressed = await maker.compress(3, content, Buffer.alloc(compressedBound(content.length)));
    expect((await reader.decompress(compressed, Buffer.alloc(content.length))).equals(content)).toBe(true);
    for (const length of [content.length - 1, content.length + 1]) {
      await expect(reader.decompress(compressed, Buffer.alloc(length))).rejects.toMatchObject({
        code: 'archive-damaged',
      });
    }
  }
});

test('a piece stays until the second next is asked for, also where frames hold nothing', async () => {
  const zstd = zstdFrames();
  const frames: Buffer[] = [];
  for (let round = 0; round < 40; round++) {
    const content = Buffer.alloc(round % 4 === 1 ? 0 : 50_000, round);
    const output = Buffer.alloc(compressedBound(content.length));
    frames.push(output.subarray(0, Number(await zstd?.compress(1, content, output))));
  }
  let before: { readonly piece: Buffer; readonly copy: Buffer } | undefined;
  let count = 0;
  for await (const piece of decompressing(owned(Buffer.concat(frames)))) {
    // What is decompressed meanwhile has its time.
    await delay(2);
    if (before !== undefined) expect(before.piece.equals(before.copy)).toBe(true);
    before = { piece, copy: Buffer.from(piece) };
    count++;
  }
  expect(count).toBe(30);
});

test('what does not compress fits into the bound', async () => {
  const frames = zstdFrames();
  for (const size of [0, 1, 1000, 200_000, FRAME_SIZE]) {
    const random = crypto.getRandomValues(Buffer.alloc(Math.min(size, 65_536)));
    const input = Buffer.alloc(size, random.length > 0 ? random : 0);
    expect(await frames?.compress(1, input, Buffer.alloc(compressedBound(size)))).toBeTypeOf('number');
  }
  expect(await frames?.compress(1, sample(10_000), Buffer.alloc(10))).toBeTypeOf('string');
});

test('arguments that are none are refused', () => {
  const frames = zstdFrames();
  expect(() => frames?.compress(0, Buffer.alloc(1), Buffer.alloc(600))).toThrow(
    expect.objectContaining({ code: 'native-call' }),
  );
  // @ts-expect-error -- JavaScript can pass anything
  expect(() => frames?.decompress('text', Buffer.alloc(1))).toThrow(expect.objectContaining({ code: 'native-call' }));
});
