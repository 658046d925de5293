import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, type Json, jsonCopy } from './json.ts';
import { Secret } from './secret.ts';

const json = fc.json().map((text): Json => JSON.parse(text));

/** The same value with the keys of every object in reverse. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

test('canonical JSON: equal values give equal text, whatever the order of their keys', () => {
  expect(canonicalJson({ b: [1, { d: null, c: 'ü' }], a: true })).toBe('{"a":true,"b":[1,{"c":"ü","d":null}]}');
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(reversed(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

function copyOf(value: unknown): Json {
  return jsonCopy(value, (place, what) => new Error(`${what}${place}`));
}

test('a copy is what JSON would bring back, and is its own', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(copyOf(value)).toEqual(value);
    }),
  );
  const given = { list: [{ a: 1, left: undefined }] };
  const copy = copyOf(given);
  expect(copy).toStrictEqual({ list: [{ a: 1 }] });
  given.list.length = 0;
  expect(copy).toStrictEqual({ list: [{ a: 1 }] });
  const shared = { x: 1 };
  expect(copyOf([shared, shared])).toEqual([{ x: 1 }, { x: 1 }]);
});

const circular: Record<string, unknown> = {};
circular['me'] = circular;

test.each([
  ['undefined', undefined, 'undefined'],
  ['undefined in a list', { a: [1, undefined] }, 'undefined at .a[1]'],
  ['a hole in a list', Array(1), 'undefined at [0]'],
  ['a function', { run: () => 1 }, 'a function at .run'],
  ['a bigint', { n: [1n] }, 'a bigint at .n[0]'],
  ['a symbol', Symbol('x'), 'a symbol'],
  ['NaN', { n: Number.NaN }, 'NaN at .n'],
  ['infinity', Number.POSITIVE_INFINITY, 'Infinity'],
  ['a date', { at: new Date(0) }, 'a Date at .at'],
  ['a map', new Map(), 'a Map'],
  ['bytes', Buffer.from('x'), 'a Buffer'],
  ['a secret', { key: new Secret('hunter2222') }, 'a Secret at .key'],
  ['a circle', circular, 'itself at .me'],
])('%s is refused', (_name, value, message) => {
  expect(() => copyOf(value)).toThrow(new Error(message));
});
