import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FromAgent, FrameReader, frameTypes, maxPayload, startFrame, windows } from './agent-frames.ts';

/** A frame as the agent would send it. */
function sent(type: number, id: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt8(type, 0);
  header.writeUInt32LE(id, 1);
  header.writeUInt32LE(payload.length, 5);
  return Buffer.concat([header, payload]);
}

const number = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

test('both sides have the same table', () => {
  const text = readFileSync(new URL('../../native/agent.h', import.meta.url), 'utf8');
  const names = [...text.matchAll(/^ {2}([A-Z_]+) = (\d+),/gm)].map(([, name = '', type]) => {
    const words = name.toLowerCase().split('_');
    return [words.map((word, at) => (at === 0 ? word : `${word[0]?.toUpperCase()}${word.slice(1)}`)).join(''), type];
  });
  expect(names.length).toBeGreaterThan(20);
  expect(Object.fromEntries(names.map(([name, type]) => [name, Number(type)]))).toEqual(frameTypes);
  const constant = (name: string) => {
    const factors = new RegExp(`#define ${name} \\(?([\\d *]+)`).exec(text)?.[1]?.split('*') ?? [];
    return factors.reduce((product, factor) => product * Number(factor), 1);
  };
  expect(constant('PAYLOAD_LIMIT')).toBe(maxPayload);
  expect(windows).toEqual({
    input: constant('INPUT_WINDOW'),
    stdout: constant('STDOUT_WINDOW'),
    stderr: constant('STDERR_WINDOW'),
  });
});

test('frames are whole however their bytes arrive', () => {
  const id = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  const data = fc.record({
    kind: fc.constantFrom('stdout', 'stderr'),
    id,
    bytes: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  });
  const numbered = fc.record({ kind: fc.constantFrom('exited', 'failed', 'inputCredit'), id, number: id });
  const plain = fc.record({ kind: fc.constantFrom('started', 'pong', 'stdoutEnd', 'lost'), id });
  const frames = fc.array(fc.oneof(data, numbered, plain));
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (given, steps) => {
      const payload = (frame: (typeof given)[number]) =>
        'bytes' in frame ? frame.bytes : 'number' in frame ? number(frame.number) : Buffer.of();
      const all = Buffer.concat(
        given.map((frame) => sent(frameTypes[frame.kind as keyof typeof frameTypes], frame.id, payload(frame))),
      );
      const reader = new FrameReader();
      const got: FromAgent[] = [];
      for (let at = 0, turn = 0; at < all.length; turn += 1) {
        const step = steps[turn % steps.length] ?? 1;
        got.push(...reader.push(all.subarray(at, at + step)));
        at += step;
      }
      expect(got).toEqual(given);
    }),
  );
});

test.each([
  ['a type that only we send', sent(frameTypes.start, 1, Buffer.of())],
  ['a type that nobody knows', sent(99, 1, Buffer.of())],
  ['a frame that is too long', sent(frameTypes.stdout, 1, Buffer.alloc(40_000))],
  ['a number that is none', sent(frameTypes.exited, 1, Buffer.alloc(3))],
  ['bytes where there are none', sent(frameTypes.started, 1, Buffer.alloc(1))],
])('%s is refused', (_, bytes) => {
  expect(() => [...new FrameReader().push(bytes)]).toThrow('makes no sense');
});

test('a command is its arguments, then its variables', () => {
  const frame = startFrame(7, ['é', ''], { A: 'b c' }, true);
  expect(frame).toEqual(sent(2, 7, Buffer.from('\x01\x02\0\0\0é\0\0A=b c\0')));
  expect(startFrame(7, ['x'.repeat(maxPayload)], {}, false)).toBeUndefined();
});
