import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { chunkSealer, DIGEST_LENGTH, partsHash } from './crypto.ts';

const present = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('this Node hides its OpenSSL');
  return value;
};
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

test('contents in parts, with zeros, over several calls', async () => {
  const { hash } = present(partsHash());
  const input = randomBytes(100_000);
  const digests = Buffer.alloc(3 * DIGEST_LENGTH);
  await hash(input, Float64Array.of(10, 90, 1, 0, 0, 1, 5, 50_000, 0, -1, 200_000, 0), digests);
  await hash(input, Float64Array.of(100, 99_900, 1, 7, 1, 0), digests.subarray(2 * DIGEST_LENGTH));
  expect(digests.subarray(0, 32)).toEqual(sha256(input.subarray(10, 100)));
  expect(digests.subarray(32, 64)).toEqual(sha256());
  expect(digests.subarray(64)).toEqual(sha256(input.subarray(5, 50_005), Buffer.alloc(200_000), input.subarray(100)));
  const other = present(partsHash());
  await Promise.all([
    other.hash(input, Float64Array.of(0, 10, 1), digests),
    hash(input, Float64Array.of(0, 0, 1), digests.subarray(32)),
  ]);
  expect(digests.subarray(0, 64)).toEqual(Buffer.concat([sha256(input.subarray(0, 10)), sha256(input.subarray(7, 8))]));
});

test.each([
  ['begins after its end', [101, 0, 1]],
  ['is too long', [50, 51, 1]],
  ['is of no length', [0, Number.NaN, 1]],
  ['begins nowhere', [Number.NaN, 1, 1]],
  ['is of a negative length', [50, -1, 1]],
  ['has no room for its digest', [0, 1, 1, 0, 1, 1]],
])('refuses what %s, and hashes none of it', async (_, parts) => {
  const { hash } = present(partsHash());
  const digest = Buffer.alloc(DIGEST_LENGTH);
  const input = randomBytes(100);
  await expect(hash(input, Float64Array.from([0, 10, 0, ...parts]), digest)).rejects.toMatchObject({ code: 'bug' });
  await hash(input, Float64Array.of(0, 20, 1), digest);
  expect(digest).toEqual(sha256(input.subarray(0, 20)));
});

test.each([0, 1, 65_535, 65_536, 65_537, 200_000])('chunks of %i bytes are those of the age format', async (length) => {
  const seal = present(chunkSealer());
  const [key, input] = [randomBytes(32), randomBytes(length)];
  const output = Buffer.alloc(length + 5 * 16);
  const first = 0x1_02_03_04_05;
  const chunks = Math.max(1, Math.ceil(length / 65_536));
  const expected = Array.from({ length: chunks }, (_, index) => {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(BigInt(first + index), 3);
    nonce[11] = index === chunks - 1 ? 1 : 0;
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    const sealed = cipher.update(input.subarray(index * 65_536, (index + 1) * 65_536));
    return Buffer.concat([sealed, cipher.final(), cipher.getAuthTag()]);
  });
  const written = await seal(key, first, true, input, output);
  expect(output.subarray(0, written)).toEqual(Buffer.concat(expected));
});

test('refuses keys, pieces and rooms of a wrong length', async () => {
  const seal = present(chunkSealer());
  const key = Buffer.alloc(32);
  const chunk = Buffer.alloc(65_536);
  const room = Buffer.alloc(70_000);
  await expect(seal(Buffer.alloc(31), 0, true, chunk, room)).rejects.toThrow(TypeError);
  await expect(seal(key, 0, false, chunk.subarray(1), room)).rejects.toThrow(TypeError);
  await expect(seal(key, 0, true, chunk, room.subarray(0, 65_567))).rejects.toThrow(TypeError);
  await expect(seal(key, -1, true, chunk, room)).rejects.toMatchObject({ code: 'native-call' });
  expect(await seal(key, 0, false, chunk, room.subarray(0, 65_568))).toBe(65_552);
  expect(await seal(key, 0, false, chunk.subarray(0, 0), room)).toBe(0);
});
