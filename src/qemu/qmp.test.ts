import { createServer, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { connectQmp, type QmpEvent } from './qmp.ts';

const { signal } = new AbortController();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-qmp-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const requestSchema = z.object({ execute: z.string(), id: z.number() });
type Request = z.infer<typeof requestSchema>;

/** Something that greets as QEMU does, and answers what `answer` says. */
function listen(answer: (request: Request, socket: Socket) => object | undefined) {
  const path = join(directory, 'qmp');
  const server = createServer((socket) => {
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    socket.on('error', () => undefined);
    createInterface({ input: socket }).on('line', (line) => {
      const request = requestSchema.parse(JSON.parse(line));
      const said = request.execute === 'qmp_capabilities' ? { return: {}, id: request.id } : answer(request, socket);
      if (said !== undefined) socket.write(`${JSON.stringify(said)}\r\n`);
    });
  }).listen(path);
  return { path, [Symbol.dispose]: () => server.close() };
}

test('answers come to those who asked, in any order', async () => {
  const held: (() => void)[] = [];
  using server = listen(({ execute, id }, socket) => {
    held.unshift(() => socket.write(`${JSON.stringify({ return: execute, id })}\n`));
    if (held.length === 2) for (const say of held) say();
    return undefined;
  });
  await using qmp = await connectQmp(server.path, signal);
  expect(await Promise.all([qmp.execute('one', {}, signal), qmp.execute('two', {}, signal)])).toEqual(['one', 'two']);
});

test('a refusal is an error with the words of QEMU and the command', async () => {
  using server = listen(({ id }) => ({ error: { class: 'GenericError', desc: 'no such node' }, id }));
  await using qmp = await connectQmp(server.path, signal);
  await expect(qmp.execute('blockdev-del', {}, signal)).rejects.toMatchObject({
    code: 'machine-failed',
    message: 'blockdev-del: no such node',
  });
});

test('QEMU that ends or keeps silent is an error, not a hang', async () => {
  using server = listen(({ execute }, socket) => {
    if (execute === 'quit') socket.destroy();
    return undefined;
  });
  await using qmp = await connectQmp(server.path, signal);
  await expect(qmp.execute('silence', {}, signal, 50)).rejects.toMatchObject({ code: 'machine-timeout' });
  await expect(qmp.execute('quit', {}, signal)).rejects.toMatchObject({ code: 'machine-failed' });
  await expect(qmp.execute('later', {}, signal)).rejects.toMatchObject({ code: 'machine-failed' });
});

test('a line that is cut as QEMU is killed is an error of who waits', async () => {
  using server = listen((_, socket) => {
    socket.end('{"return": {');
    return undefined;
  });
  await using qmp = await connectQmp(server.path, signal);
  await expect(qmp.execute('query-status', {}, signal)).rejects.toMatchObject({ code: 'machine-failed' });
});

test('who gives up before QEMU has agreed to talk leaves no connection', async () => {
  const closed = Promise.withResolvers<void>();
  const path = join(directory, 'qmp');
  const server = createServer((socket) => socket.resume().on('close', () => closed.resolve())).listen(path);
  await expect(connectQmp(path, AbortSignal.timeout(100))).rejects.toMatchObject({ code: 'interrupted' });
  await closed.promise;
  server.close();
});

test('events are told to those who listen', async () => {
  using server = listen(({ id }, socket) => {
    socket.write('{"event": "DEVICE_DELETED", "data": {"device": "disk-A"}, "timestamp": {}}\n');
    return { return: {}, id };
  });
  await using qmp = await connectQmp(server.path, signal);
  const events: QmpEvent[] = [];
  const stop = qmp.onEvent((event) => events.push(event));
  await qmp.execute('device_del', {}, signal);
  stop();
  await qmp.execute('device_del', {}, signal);
  expect(events).toEqual([{ name: 'DEVICE_DELETED', data: { device: 'disk-A' } }]);
});

test('a socket that is there later is waited for, as long as the signal allows', async () => {
  const connecting = connectQmp(join(directory, 'qmp'), signal);
  await new Promise((resolve) => setTimeout(resolve, 60));
  using _server = listen(() => undefined);
  await (await connecting)[Symbol.asyncDispose]();
  await expect(connectQmp(join(directory, 'never'), AbortSignal.timeout(50))).rejects.toMatchObject({
    code: 'interrupted',
  });
});
