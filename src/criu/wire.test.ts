import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { request, response } from './messages.ts';
import { parseResponse, versionText } from './response.ts';
import { decode, encode, Message } from './wire.ts';

test('a request is the bytes that CRIU reads', () => {
  const options = { imagesDirFd: -1, pid: 4711, leaveRunning: true, external: ['a', 'b'], networkLock: 'nftables' };
  const bytes = encode(request, { type: 'dump', options: { ...options, tcpClose: undefined } });
  const fields = [
    [0x08, 0x01],
    [0x12, 0x19],
    [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    [0x10, 0xe7, 0x24],
    [0x18, 0x01],
    [0xaa, 0x02, 0x01, 0x61],
    [0xaa, 0x02, 0x01, 0x62],
  ].flat();
  const lock = [0x80, 0x04, 0x02];
  // The length is that of all that follows.
  fields[3] = bytes.length - 4;
  expect([...bytes]).toEqual([...fields, ...lock]);
});

test('an answer is read, and what a newer CRIU adds to it is passed over', () => {
  const answer = { type: 'version', success: true, version: { major: 4, minor: 2, sublevel: 1, name: 'x' } };
  const known = encode(response, answer);
  const more = encode(new Message('more', { text: { number: 99, type: 'string' } }), { text: 'new' });
  const parsed = parseResponse(Buffer.concat([known, more]));
  expect(parsed.version && versionText(parsed.version)).toBe('4.2.1');
  expect(parseResponse(Buffer.from([0x08, 0x63, 0x10, 0x01])).type).toBe(99);
});

test.each([
  ['nothing', []],
  ['cut off', [0x08]],
  ['a message longer than what there is', [0x08, 0x01, 0x10, 0x01, 0x22, 0x7f, 0x08]],
  ['another kind of field', [0x0a, 0x01, 0x61, 0x10, 0x01]],
  ['success missing', [0x08, 0x01]],
])('no answer: %s', (_, bytes) => {
  expect(() => parseResponse(Buffer.from(bytes))).toThrow(expect.objectContaining({ code: 'criu-failed' }));
});

test.each([
  [{ nonsense: 1 }],
  [{ type: 'nonsense' }],
  [{ pid: -1 }],
  [{ pid: 1.5 }],
  [{ options: { logFile: 'a\0b' } }],
  [{ options: { pid: 2 ** 31 } }],
  [{ options: { leaveRunning: 'yes' } }],
  [{ options: 7 }],
])('a request that cannot be: %j', (values) => {
  expect(() => encode(request, values)).toThrow(LifeboatError);
});

test('what is written is read again', () => {
  const values = fc.record(
    {
      number: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
      natural: fc.nat({ max: 0xffffffff }),
      flag: fc.boolean(),
      text: fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0')),
      name: fc.constantFrom('one', 'two'),
      list: fc.array(fc.nat(), { minLength: 1 }),
    },
    { requiredKeys: [] },
  );
  const flat = {
    number: { number: 1, type: 'int32' },
    natural: { number: 2, type: 'uint32' },
    flag: { number: 3, type: 'bool' },
    text: { number: 4, type: 'string' },
    name: { number: 500, type: { one: 1, two: 2 } },
    list: { number: 6, type: 'uint32', isRepeated: true },
  } as const;
  const inner = new Message('inner', flat);
  const outer = new Message('outer', { ...flat, inner: { number: 7, type: inner } });
  fc.assert(
    fc.property(values, values, (one, other) => {
      const given = { ...one, inner: other };
      expect(decode(outer, encode(outer, given))).toEqual(given);
    }),
  );
});
