import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  decryptBytes,
  decrypting,
  encryptBytes,
  encrypting,
  identityFrom,
  identityText,
  parseIdentity,
  parseRecipient,
} from './age.ts';

const native = vi.hoisted(() => ({ hidden: false }));
vi.mock('../native/crypto.ts', async (original) => {
  const actual: typeof import('../native/crypto.ts') = await original();
  return { ...actual, chunkSealer: () => (native.hidden ? undefined : actual.chunkSealer()) };
});
afterEach(() => {
  native.hidden = false;
});

const CHUNK = 64 * 1024;
const [one, two, stranger] = [1, 2, 3].map((byte) => identityFrom(Buffer.alloc(32, byte)));
if (!one || !two || !stranger) throw new Error('no keys');
const recipients = [one.recipient, two.recipient];

/** Cut at these places, each piece in the one buffer that is used again: nobody may keep a piece. */
async function* cut(bytes: Buffer, lengths: readonly number[]) {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const piece = Buffer.from(bytes.subarray(at, at + (lengths[index % lengths.length] ?? 1)));
    yield piece;
    piece.fill(0);
    at += piece.length;
  }
}

async function all(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of source) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const damaged = expect.objectContaining({ code: 'archive-damaged' });

/** Around the lengths at which a chunk, or a group of them, ends. */
const length = fc
  .tuple(fc.constantFrom(0, 1, 2, 7, 8, 9, 16, 17, 33), fc.integer({ min: -20, max: 20 }))
  .map(([chunks, more]) => Math.max(0, chunks * CHUNK + more));
const pieces = fc.array(fc.integer({ min: 1, max: 3 * CHUNK }), { minLength: 1, maxLength: 5 });

test.each([
  ['the addon', 60],
  ['Node', 20],
])('what %s encrypted in any pieces is decrypted in any pieces, by each of the keys', async (which, numRuns) => {
  native.hidden = which === 'Node';
  await fc.assert(
    fc.asyncProperty(length, pieces, pieces, fc.constantFrom(one, two), async (length, plain, sealed, identity) => {
      const bytes = randomBytes(length);
      const encrypted = await all(encrypting(cut(bytes, plain), recipients));
      expect(encrypted.includes(bytes.subarray(0, 64)) && length >= 64).toBe(false);
      expect((await all(decrypting(cut(encrypted, sealed), [stranger, identity]))).equals(bytes)).toBe(true);
      expect(decryptBytes(encrypted, [identity]).equals(bytes)).toBe(true);
      expect(decryptBytes(encryptBytes(bytes, recipients), [identity]).equals(bytes)).toBe(true);
    }),
    { numRuns },
  );
});

test('one byte at a time', async () => {
  const bytes = randomBytes(3000);
  const encrypted = await all(encrypting(cut(bytes, [1]), recipients));
  expect((await all(decrypting(cut(encrypted, [1]), [two]))).equals(bytes)).toBe(true);
});

describe('damage', () => {
  const small = encryptBytes(Buffer.from('a record'), recipients);

  test('every truncation is found', async () => {
    for (let length = 0; length < small.length; length++) {
      const part = small.subarray(0, length);
      expect(() => decryptBytes(part, [one]), `${length}`).toThrow(damaged);
      await expect(all(decrypting(cut(part, [7]), [one]))).rejects.toThrow(damaged);
    }
  });

  test('every flipped bit is found', () => {
    for (let bit = 0; bit < small.length * 8; bit++) {
      const changed = Buffer.from(small);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decryptBytes(changed, [one]), `${bit}`).toThrow();
    }
  });

  test('in a large stream, nothing that is not authentic is given', async () => {
    const bytes = randomBytes(20 * CHUNK + 5);
    const encrypted = encryptBytes(bytes, recipients);
    const place = fc.integer({ min: 0, max: encrypted.length - 1 });
    const change = fc.constantFrom('flip', 'cut', 'add', 'drop');
    await fc.assert(
      fc.asyncProperty(place, change, pieces, async (at, what, lengths) => {
        const given: Buffer[] = [];
        const read = async () => {
          for await (const piece of decrypting(cut(changed(encrypted, at, what), lengths), [one])) given.push(piece);
        };
        await expect(read()).rejects.toThrow(
          expect.objectContaining({ code: expect.stringMatching(/damaged|no-key/) }),
        );
        const got = Buffer.concat(given);
        expect(got.length).toBeLessThan(bytes.length);
        expect(got.equals(bytes.subarray(0, got.length))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('two chunks that changed places are found', () => {
    const encrypted = encryptBytes(Buffer.alloc(3 * CHUNK), recipients);
    const start = encrypted.length - 3 * (CHUNK + 16);
    const [a, b] = [0, 1].map((index) => encrypted.subarray(start + index * (CHUNK + 16)).subarray(0, CHUNK + 16));
    if (!a || !b) throw new Error('no chunks');
    const swapped = Buffer.concat([encrypted.subarray(0, start), b, a, encrypted.subarray(start + 2 * (CHUNK + 16))]);
    expect(() => decryptBytes(swapped, [one])).toThrow(damaged);
  });

  test.each([0, 10, 70_000, 1_000_000])('%i bytes of something else are no age file', async (length) => {
    const bytes = Buffer.alloc(length, 'x\n');
    await expect(all(decrypting(cut(bytes, [4000]), [one]))).rejects.toThrow(damaged);
    expect(() => decryptBytes(bytes, [one])).toThrow(damaged);
  });
});

function changed(bytes: Buffer, at: number, what: string): Buffer {
  if (what === 'cut') return bytes.subarray(0, at);
  if (what === 'add') return Buffer.concat([bytes, Buffer.alloc(1 + (at % 100_000))]);
  if (what === 'drop') return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ (1 << (at & 7));
  return copy;
}

test('without a key that fits: no-key, and not a byte', async () => {
  const encrypted = encryptBytes(randomBytes(200_000), recipients);
  for (const identities of [[], [stranger]]) {
    const source = decrypting(cut(encrypted, [CHUNK]), identities);
    await expect(source[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'no-key' });
  }
});

test('who stops early has the source closed', async () => {
  let closed = false;
  async function* endless() {
    try {
      yield encryptBytes(Buffer.alloc(20 * CHUNK), recipients);
      for (;;) yield Buffer.alloc(1);
    } finally {
      closed = true;
    }
  }
  for await (const _piece of decrypting(endless(), [one])) break;
  expect(closed).toBe(true);
});

test('encrypting to nobody, or to a key of low order, is refused', () => {
  expect(() => encryptBytes(Buffer.alloc(1), [])).toThrow('nobody');
  const zero = { text: 'age1zero', publicKey: Buffer.alloc(32) };
  expect(() => encryptBytes(Buffer.alloc(1), [zero])).toThrow(expect.objectContaining({ code: 'usage' }));
});

describe('keys as text', () => {
  test('of a well-known pair', () => {
    // Of the vectors of the format's authors.
    const text = 'AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0';
    const identity = parseIdentity(`${text}\n`);
    expect(identityText(identity)).toBe(text);
    expect(parseRecipient(identity.recipient.text)).toEqual(identity.recipient);
  });

  test('any key reads back, and with one other character it does not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(), (key, place) => {
        const identity = identityFrom(key);
        const text = identityText(identity);
        expect(parseIdentity(text.toLowerCase()).privateKey).toEqual(Buffer.from(key));
        const at = place % text.length;
        const other = text[at] === 'Q' ? 'P' : 'Q';
        expect(() => parseIdentity(text.slice(0, at) + other + text.slice(at + 1))).toThrow('not an identity');
      }),
      { numRuns: 100 },
    );
  });

  test.each(['', 'age1', 'age1xyz', 'age', `AGE1${'q'.repeat(58)}`, 'Age1'])('%j is no recipient', (text) => {
    expect(() => parseRecipient(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });
});
