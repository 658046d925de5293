import { execFileSync } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { makePipe } from '../native/file.ts';
import { RING_PIPE, ringReadable } from './ring.ts';

test('a pipe holds as much as was asked for, and ends when its writing end is closed', () => {
  const { read, write } = makePipe(RING_PIPE);
  try {
    expect(writeSync(write, Buffer.alloc(RING_PIPE, 'x'))).toBe(RING_PIPE);
    closeSync(write);
    const got = Buffer.alloc(RING_PIPE);
    let length = 0;
    for (let part = -1; part !== 0; length += part) part = readSync(read, got, length % RING_PIPE, 65_536, null);
    expect(length).toBe(RING_PIPE);
  } finally {
    closeSync(read);
  }
  expect(() => makePipe(100)).toThrow();
});

test('other programs do not inherit it', () => {
  const { read, write } = makePipe(4096);
  const inherited = execFileSync('sh', ['-c', 'ls /proc/self/fd'], { encoding: 'utf8' }).split('\n');
  expect(inherited).not.toContain(`${read}`);
  expect(inherited).not.toContain(`${write}`);
  for (const end of [read, write]) closeSync(end);
});

test('everything comes in order, in a few buffers that are used again', async () => {
  const { read, write } = makePipe(RING_PIPE);
  const output = ringReadable(read);
  const buffers = new Set<ArrayBufferLike>();
  const rounds = 20;
  let expected = 0;
  let total = 0;
  let before: { readonly chunk: Buffer; readonly copy: Buffer } | undefined;
  const writing = (async () => {
    for (let round = 0; round < rounds; round++) {
      writeSync(write, Buffer.alloc(1000, round));
      await setImmediate();
    }
    closeSync(write);
  })();
  for await (const chunk of output) {
    if (!Buffer.isBuffer(chunk)) throw new Error('no bytes');
    buffers.add(chunk.buffer);
    // The one before is still what it was.
    if (before !== undefined) expect(before.chunk.equals(before.copy)).toBe(true);
    before = { chunk, copy: Buffer.from(chunk) };
    for (const byte of chunk) {
      expected = Math.floor(total / 1000);
      if (byte !== expected) throw new Error(`byte ${total} is ${byte}`);
      total++;
    }
  }
  await writing;
  expect(total).toBe(rounds * 1000);
  expect(buffers.size).toBeLessThanOrEqual(4);
});

test('nothing more is read than what is asked for, and leaving closes the pipe', async () => {
  const { read, write } = makePipe(RING_PIPE);
  const output = ringReadable(read);
  writeSync(write, Buffer.alloc(RING_PIPE, 1));
  for await (const chunk of output) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(output.destroyed).toBe(true);
  while (!output.closed) await setImmediate();
  // Nobody can read it any more.
  await expect
    .poll(() => {
      try {
        writeSync(write, Buffer.alloc(1));
        return 'written';
      } catch (error) {
        return error instanceof Error && 'code' in error ? error.code : error;
      }
    })
    .toBe('EPIPE');
  closeSync(write);
});
