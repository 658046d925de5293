/** What a channel does when its other end is gone in the middle, or is not what it should be. */
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { channelTarget } from '../../src/target/channel/channel.ts';
import { creditFrame, frame, framesOf, jsonFrame, MAX_PAYLOAD, WINDOW } from '../../src/target/channel/frames.ts';
import { Inbox } from '../../src/target/channel/flow.ts';
import { type Link, linkOver } from '../../src/target/channel/link.ts';
import { Queue } from '../../src/target/channel/queue.ts';
import { serveTarget } from '../../src/target/channel/serve.ts';
import { read, rejectsWith, sampleBytes } from '../../src/target/conformance/case.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import type { Target } from '../../src/target/target.ts';
import { overlayOver } from '../../src/target/wrap/overlay.ts';
import { faultyTarget } from './faulty-target.ts';

interface Wire {
  readonly asking: Link;
  readonly answering: Link;
  /** What travels each way, as a test breaks it. */
  readonly there: PassThrough;
  readonly back: PassThrough;
}

function wire(): Wire {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return { asking: linkOver(back, there), answering: linkOver(there, back), there, back };
}

/** A channel whose connections are made one after the other, each with an end that answers. */
function channelTo(target: Target, signal: AbortSignal) {
  const wires: Wire[] = [];
  const ends: Promise<unknown>[] = [];
  const open = async () => {
    const made = wire();
    wires.push(made);
    ends.push(serveTarget(made.answering, target, signal).catch((error: unknown) => error));
    return made.asking;
  };
  return { open, wires, ends };
}

async function* slowly(chunks: readonly Uint8Array[], then: () => Promise<void>): AsyncIterable<Uint8Array> {
  yield* chunks;
  await then();
}

describe('the other end is gone in the middle', () => {
  test('of a get: it fails as something that may work later, and does, in a new connection', async ({ signal }) => {
    const store = memoryTarget('gone-get', new Map());
    const bytes = sampleBytes(8 * WINDOW);
    await store.put('object', bytes, {}, signal);
    const { open, wires } = channelTo(store, signal);
    await using target = await channelTarget('channel:test', open, signal);
    const seen: Uint8Array[] = [];
    const reading = async () => {
      for await (const chunk of target.get('object', undefined, signal)) {
        seen.push(chunk);
        wires[0]?.back.destroy();
      }
    };
    await expect(reading()).rejects.toMatchObject({ code: 'unreachable', retryable: true });
    expect(Buffer.concat(seen).length).toBeLessThan(bytes.length);
    expect((await read(target, 'object', undefined, signal)).equals(bytes)).toBe(true);
    expect(wires.length).toBe(2);
  });

  test('of a put: nothing is stored, and what was there stays', async ({ signal }) => {
    const store = memoryTarget('gone-put', new Map());
    const old = sampleBytes(1000, 3);
    await store.put('object', old, {}, signal);
    const { open, wires, ends } = channelTo(store, signal);
    await using target = await channelTarget('channel:test', open, signal);
    const body = slowly([sampleBytes(MAX_PAYLOAD), sampleBytes(10)], async () => {
      wires[0]?.there.destroy();
      await ends[0];
    });
    await expect(target.put('object', body, {}, signal)).rejects.toMatchObject({ code: 'unreachable' });
    expect((await read(store, 'object', undefined, signal)).equals(old)).toBe(true);
  });

  test('while nothing comes: a stat that hangs there fails here', async ({ signal }) => {
    const { open, wires } = channelTo(
      faultyTarget(memoryTarget('hang', new Map()), [{ verb: 'stat', does: { hang: true } }]),
      signal,
    );
    await using target = await channelTarget('channel:test', open, signal);
    const asking = target.stat('object', signal);
    setTimeout(() => wires[0]?.back.destroy(), 20);
    await expect(asking).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  });

  test('at once: opening says so', async ({ signal }) => {
    const open = async () => {
      const { asking, answering } = wire();
      answering.close();
      return asking;
    };
    await rejectsWith('unreachable', () => channelTarget('channel:test', open, signal));
  });
});

/** Frames that the end that asks is told instead of an answer. */
const hello = jsonFrame('hello', 0, {
  format: 'lifeboat.channel/1',
  traits: memoryTarget('traits', new Map()).traits,
});

async function* asNothing(): AsyncIterable<Uint8Array> {}

async function answeredBy(answers: readonly Uint8Array[], thenEnd: boolean, signal: AbortSignal): Promise<unknown> {
  const { asking, there, back } = wire();
  there.once('data', () => back.write(hello));
  await using target = await channelTarget('channel:test', async () => asking, signal);
  there.removeAllListeners('data');
  there.once('data', () => {
    for (const answer of answers) back.write(answer);
    if (thenEnd) back.end();
  });
  // Takes nothing of what comes as data.
  return await target.stat('object', signal);
}

describe('the end that asks is told nonsense', () => {
  test.for([
    ['garbage', [randomBytes(4096).fill(0xff, 0, 1)]],
    ['a frame that is too long', [frame('data', 1, Buffer.alloc(1)).fill(0xff, 5, 9)]],
    ['a kind of frame that only it says', [jsonFrame('call', 1, {})]],
    ['a result that is no JSON', [frame('result', 1, Buffer.from('{'))]],
    [
      'more than it asked for',
      Array.from({ length: WINDOW / MAX_PAYLOAD + 1 }, () => frame('data', 1, Buffer.alloc(MAX_PAYLOAD))),
    ],
    ['an error of another kind', [jsonFrame('error', 1, { code: 7 })]],
    ['more credit than there ever is room', [creditFrame(1, 1)]],
  ] as const)('%s', async ([, answers], { signal }) => {
    await expect(answeredBy(answers, false, signal)).rejects.toMatchObject({ code: 'unreachable', retryable: true });
  });

  test('a list that never comes to the end of a line', async ({ signal }) => {
    const { asking, there, back } = wire();
    there.once('data', () => back.write(hello));
    await using target = await channelTarget('channel:test', async () => asking, signal);
    there.removeAllListeners('data');
    there.resume();
    // All that was asked for, and then as much as is taken.
    const line = frame('data', 1, Buffer.alloc(MAX_PAYLOAD, 0x61));
    for (let sent = 0; sent < WINDOW; sent += MAX_PAYLOAD) back.write(line);
    await expect(Array.fromAsync(target.list('', signal))).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('half a frame, and then the end', async ({ signal }) => {
    const half = frame('data', 1, sampleBytes(100)).subarray(0, 50);
    await expect(answeredBy([half], true, signal)).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('in the middle'),
    });
  });

  test('another version', async ({ signal }) => {
    const { asking, there, back } = wire();
    there.once('data', () =>
      back.write(Buffer.from(hello.toString('latin1').replace('channel/1', 'channel/2'), 'latin1')),
    );
    await rejectsWith('newer-format', () => channelTarget('channel:test', async () => asking, signal));
  });

  test('the end after whole chunks, which is no end of an object', async ({ signal }) => {
    const chunk = frame('data', 1, sampleBytes(100));
    await expect(answeredBy([chunk], true, signal)).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('who asks is not what it should be', () => {
  const put = (id: number) => jsonFrame('call', id, { verb: 'put', key: 'object', ifAbsent: false });
  test.for([
    ['garbage', [randomBytes(4096).fill(0xff, 0, 1)]],
    ['a call without a meaning', [jsonFrame('call', 1, { verb: 'format', key: 'object' })]],
    ['two calls of one number', [put(1), put(1)]],
    ['too many calls at once', Array.from({ length: 129 }, (_, index) => put(index + 1))],
    [
      'more of a body than was asked for',
      [put(1), ...Array.from({ length: WINDOW / MAX_PAYLOAD + 1 }, () => frame('data', 1, Buffer.alloc(MAX_PAYLOAD)))],
    ],
    [
      'credit of another size',
      [jsonFrame('call', 1, { verb: 'stat', key: 'object' }), put(2), frame('credit', 2, Buffer.alloc(3))],
    ],
    ['more credit than there ever is room', [put(1), creditFrame(1, 1)]],
    ['credit without end', [put(1), creditFrame(1, 0xffff_ffff)]],
    ['credit for nothing', [put(1), creditFrame(1, 0)]],
    ['a second greeting', [jsonFrame('hello', 0, {}), jsonFrame('hello', 0, {})]],
    ['an answer', [jsonFrame('result', 1, {})]],
    ['half a frame', [put(1).subarray(0, 12)]],
  ] as const)('%s: it is let go of, and nothing is stored', async ([, said], { signal }) => {
    // Takes nothing of a body, as a storage that is slow.
    const store = faultyTarget(memoryTarget('hostile', new Map()), [{ verb: 'put', times: 200, does: { hang: true } }]);
    const { answering, there } = wire();
    const serving = serveTarget(answering, store, signal);
    for (const one of said) there.write(one);
    there.end();
    await expect(serving).rejects.toMatchObject({ code: 'unreachable' });
    expect(await store.stat('object', signal)).toBeUndefined();
  });

  test('keys that lead elsewhere, and ranges beyond the end, are refused by the storage', async ({ signal }) => {
    const store = memoryTarget('keys', new Map());
    await store.put('object', sampleBytes(10), {}, signal);
    const { answering, there, back } = wire();
    const serving = serveTarget(answering, store, signal);
    there.write(jsonFrame('call', 1, { verb: 'get', key: '../etc/shadow' }));
    there.write(jsonFrame('call', 2, { verb: 'get', key: 'object', range: { offset: 5, length: 6 } }));
    const codes: string[] = [];
    for await (const { kind, payload } of framesOf(back)) {
      expect(kind).toBe('error');
      codes.push(JSON.parse(payload.toString()).code);
      if (codes.length === 2) break;
    }
    expect(codes).toEqual(['usage', 'usage']);
    there.end();
    await serving.catch(() => undefined);
  });

  test('who asks again and again, and takes no answer, is let go of', async ({ signal }) => {
    const over = Promise.withResolvers<void>();
    const outgoing = new Queue<Uint8Array>();
    async function* asking() {
      for (let id = 1; id < 1_000_000; id += 1) {
        yield jsonFrame('call', id, { verb: 'stat', key: `object-${id}` });
        // Each is answered before the next is asked.
        await new Promise((resolve) => setImmediate(resolve));
      }
      over.resolve();
    }
    const link: Link = { incoming: asking(), outgoing, close: () => outgoing.end() };
    await expect(serveTarget(link, memoryTarget('greedy', new Map()), signal)).rejects.toMatchObject({
      code: 'unreachable',
    });
    const answers: Uint8Array[] = [];
    for await (const answer of outgoing) answers.push(answer);
    expect(answers.length).toBeLessThanOrEqual(128);
  });

  test('a body in crumbs takes little more memory than its bytes', async ({ signal }) => {
    const outgoing = new Queue<Uint8Array>();
    const inbox = new Inbox({ incoming: asNothing(), outgoing, close: () => {} }, 1);
    const chunk = Buffer.alloc(MAX_PAYLOAD, 7);
    for (let at = 0; at < WINDOW; at += 1) inbox.push(chunk.subarray(at % MAX_PAYLOAD, (at % MAX_PAYLOAD) + 1));
    expect(() => inbox.push(chunk.subarray(0, 1))).toThrow(expect.objectContaining({ code: 'unreachable' }));
    inbox.end();
    const sizes: number[] = [];
    for await (const part of inbox) sizes.push(part.length);
    signal.throwIfAborted();
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(WINDOW);
    expect(sizes.length).toBeLessThan(WINDOW / 1024);
  });

  test('frames of calls that are over are no harm', async ({ signal }) => {
    const store = memoryTarget('late', new Map());
    const { answering, there } = wire();
    const serving = serveTarget(answering, store, signal);
    for (const kind of ['end', 'cancel'] as const) there.write(frame(kind, 9));
    there.write(frame('data', 9, sampleBytes(10)));
    there.write(creditFrame(9, 10));
    there.end();
    await serving;
  });
});

describe('what is only read', () => {
  test('is not replaced and not removed, and what is written is found again but is not there', async ({ signal }) => {
    const base = memoryTarget('base', new Map());
    await base.put('a/object', sampleBytes(10), {}, signal);
    const kept = new Map();
    const target = overlayOver(base, kept);
    await rejectsWith('permission-denied', () => target.put('a/object', sampleBytes(1), {}, signal));
    await rejectsWith('exists', () => target.put('a/object', sampleBytes(1), { ifAbsent: true }, signal));
    await rejectsWith('permission-denied', () => target.remove('a/object', signal));
    await target.put('a/other', sampleBytes(5), { ifAbsent: true }, signal);
    const keys: string[] = [];
    for await (const { key } of target.list('a', signal)) keys.push(key);
    expect(keys.sort()).toEqual(['a/object', 'a/other']);
    expect((await read(target, 'a/other', undefined, signal)).length).toBe(5);
    expect(await base.stat('a/other', signal)).toBeUndefined();
    expect([...kept.keys()]).toEqual(['a/other']);
    await target.remove('a/other', signal);
    expect(await target.stat('a/other', signal)).toBeUndefined();
    async function* endless() {
      for (;;) yield Buffer.alloc(1 << 20);
    }
    await rejectsWith('no-space', () => target.put('a/large', endless(), {}, signal));
    // Any number at once has no more room together.
    async function* large() {
      for (let chunk = 0; chunk < 24; chunk += 1) yield Buffer.alloc(1 << 20);
    }
    const several = ['1', '2', '3', '4'].map(
      async (name) => await target.put(`a/several-${name}`, large(), {}, signal),
    );
    const outcomes = (await Promise.allSettled(several)).map(({ status }) => status);
    expect(outcomes.filter((status) => status === 'fulfilled').length).toBeLessThanOrEqual(2);
    const stored = [...kept.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(stored).toBeLessThanOrEqual(64 << 20);
    await expect(target.put('a/named', endless(), {}, signal)).rejects.toMatchObject({
      message: expect.stringContaining('64.0 MiB'),
    });
    expect(await target.stat('a/large', signal)).toBeUndefined();
  });
});
