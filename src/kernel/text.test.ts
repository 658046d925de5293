import { isUtf8 } from 'node:buffer';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameFromBytes, nameToBytes, printable } from './text.ts';

/** Bytes as they come, and valid text with a byte put in here and there, which is nearer to real names. */
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .array(
      fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 4 }).map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 2 }),
      ),
      { maxLength: 8 },
    )
    .map((parts) => Buffer.concat(parts)),
);

test('any name of a file comes back, also through JSON', () => {
  fc.assert(
    fc.property(bytes, (name) => {
      const text = nameFromBytes(name);
      expect(Buffer.compare(nameToBytes(text), name)).toBe(0);
      expect(JSON.parse(JSON.stringify(text))).toBe(text);
      expect(nameToBytes(JSON.parse(JSON.stringify(text))).equals(name)).toBe(true);
      if (isUtf8(name)) expect(text).toBe(Buffer.from(name).toString('utf8'));
    }),
    { numRuns: 2000 },
  );
});

test('different names stay different', () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(nameFromBytes(a) === nameFromBytes(b)).toBe(Buffer.from(a).equals(b));
    }),
  );
});

test.each([
  [[0xff], '\udcff'],
  [[0x61, 0xc3, 0x28], 'a\udcc3('],
  [[0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
  [[0xf0, 0x9f, 0x9a, 0xa2], '🚢'],
  [[0xf0, 0x9f, 0x9a], '\udcf0\udc9f\udc9a'],
  [[0xc0, 0xaf], '\udcc0\udcaf'],
  [[], ''],
])('%j', (name, text) => {
  expect(nameFromBytes(Uint8Array.from(name))).toBe(text);
});

test('a name made up to look escaped brings in no slash, dot or zero byte', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0xdc00, max: 0xdcff }).map((code) => String.fromCharCode(code))),
      (units) => {
        expect([...nameToBytes(units.join(''))].filter((byte) => byte < 0x80)).toEqual([]);
      },
    ),
  );
  expect(nameToBytes('\udcff\udc2f\udcff').includes(0x2f)).toBe(false);
});

test('printable text cannot steer a terminal', () => {
  const anyUnits = fc
    .array(
      fc.oneof(
        fc.integer({ min: 0, max: 0xffff }),
        fc.integer({ min: 0, max: 0xa0 }),
        fc.integer({ min: 0x2000, max: 0x2070 }),
        fc.integer({ min: 0xd7ff, max: 0xe000 }),
        fc.constantFrom(0x61c, 0x1b, 0x9b, 0x7f),
      ),
    )
    .map((codes) => String.fromCharCode(...codes));
  fc.assert(
    fc.property(anyUnits, (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
      expect(shown.isWellFormed()).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['plain, ü and 🚢', 'plain, ü and 🚢'],
  ['a\nb\tc', 'a\\nb\\tc'],
  ['\u001b[31m', '\\x1b[31m'],
  ['\u202egpj.exe', '\\u202egpj.exe'],
  ['\u061c', '\\u061c'],
  ['x\udcff', 'x\\xff'],
  ['\ud800', '\\ud800'],
])('%j is shown as %s', (text, shown) => {
  expect(printable(text)).toBe(shown);
});
