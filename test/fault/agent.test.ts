/** The agent of virtual machines, and our side of it, where something breaks, lies or hurries. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Host } from '../../src/host/host.ts';
import { parseProcessStart } from '../../src/host/identity.ts';
import { connectAgent } from '../../src/machine/agent.ts';
import { frameTypes, helloFrame, inputHeader, startFrame, windows } from '../../src/machine/agent-frames.ts';
import { beginSession } from '../../src/machine/agent-session.ts';
import { startAgent } from '../helpers/agent.ts';

const never = () => new AbortController().signal;
const lost = { code: 'unreachable', retryable: true };

/** A host by an agent of its own, both gone with the end of the test. */
async function agentHost() {
  const agent = await startAgent();
  onTestFinished(() => agent[Symbol.asyncDispose]());
  const host = await connectAgent(agent.socket, { name: 'guest' }, never());
  onTestFinished(() => host[Symbol.asyncDispose]());
  return { agent, host };
}

/** A stream to an agent, by hand. */
async function rawSocket(path: string): Promise<Socket> {
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Reads until these bytes come. */
async function awaitBytes(socket: Socket, wanted: Buffer): Promise<void> {
  let seen = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    seen = Buffer.concat([seen, chunk]);
    if (seen.includes(wanted)) return;
  }
  throw new Error('the agent has closed the stream');
}

function frame(type: number, id: number, ...payload: readonly number[]): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt8(type, 0);
  header.writeUInt32LE(id, 1);
  header.writeUInt32LE(payload.length, 5);
  return Buffer.concat([header, Buffer.from(payload)]);
}

async function until(look: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    if (await look()) return;
    await delay(20);
  }
  throw new Error('waited in vain');
}

/** Whether no process has this id, or only one that waits to be collected. */
async function isGone(pid: number): Promise<boolean> {
  return parseProcessStart(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')) === undefined;
}

/** A command that prints its process id and stays. */
async function staying(host: Host) {
  const running = host.stream(['sh', '-c', 'echo $$; exec sleep 300'], {}, never());
  const chunks = running.stdout[Symbol.asyncIterator]();
  const { value } = await chunks.next();
  return { pid: Number(Buffer.from(value ?? '').toString()), chunks, finished: running.finished };
}

async function hashOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk);
  return hash.digest('hex');
}

/** The same bytes each time. */
async function* pattern(mebibytes: number): AsyncGenerator<Uint8Array> {
  for (let number = 0; number < mebibytes; number += 1) yield Buffer.alloc(1024 * 1024, `${number} `);
}

/** Nothing, but an end only when the signal comes. */
async function* held(signal: AbortSignal): AsyncGenerator<Uint8Array> {
  if (!signal.aborted) await once(signal, 'abort');
  yield* [];
}

/** Somebody who answers in place of an agent. */
async function impostor(serve: (socket: Socket, hello: Buffer) => void): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-test-'));
  const path = join(directory, 'socket');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (hello: Buffer) => serve(socket, hello));
  }).listen(path);
  onTestFinished(async () => {
    server.close();
    for (const socket of sockets) socket.destroy();
    await rm(directory, { recursive: true, force: true });
  });
  await once(server, 'listening');
  return path;
}

test('an agent that is killed takes its commands with it, and no output ends whole', async () => {
  const { agent, host } = await agentHost();
  const { pid, chunks, finished } = await staying(host);
  agent.child.kill('SIGKILL');
  await expect(chunks.next()).rejects.toMatchObject(lost);
  await expect(finished).rejects.toMatchObject(lost);
  await expect(host.run(['true'], {}, never())).rejects.toMatchObject(lost);
  await until(() => isGone(pid));
});

test('a connection that is cut is a failure, not the end of the output, and the next one finds nothing left', async () => {
  const { agent, host } = await agentHost();
  const { pid, chunks } = await staying(host);
  const flood = host.stream(['yes'], {}, never());
  await host[Symbol.asyncDispose]();
  await expect(chunks.next()).rejects.toMatchObject(lost);
  await expect(hashOf(flood.stdout)).rejects.toMatchObject(lost);
  await using again = await connectAgent(agent.socket, { name: 'guest' }, never());
  expect(await isGone(pid)).toBe(true);
  expect((await again.run(['echo', 'here'], {}, never())).stdout.toString()).toBe('here\n');
});

test('an agent is waited for, as long as the signal says', async () => {
  const nowhere = join(tmpdir(), 'lifeboat-no-such-socket');
  await expect(connectAgent(nowhere, { name: 'guest' }, AbortSignal.timeout(100))).rejects.toMatchObject({
    code: 'interrupted',
  });
  const silent = await impostor(() => undefined);
  await expect(connectAgent(silent, { name: 'guest' }, AbortSignal.timeout(300))).rejects.toMatchObject({
    code: 'interrupted',
  });
  const closing = await impostor((socket) => socket.end());
  await expect(connectAgent(closing, { name: 'guest' }, never())).rejects.toMatchObject(lost);
});

test('what another session left in the stream is skipped on our side', async () => {
  const path = await impostor((socket, hello) => {
    const other = helloFrame(randomBytes(16));
    socket.write(Buffer.concat([randomBytes(100_000), other, hello.subarray(0, 30), frame(frameTypes.lost, 0), hello]));
  });
  await using host = await connectAgent(path, { name: 'guest' }, never());
  expect(host.name).toBe('guest');
});

test.each([
  ['what is no frame', Buffer.alloc(100, 0xff)],
  ['an agent that begins anew', frame(frameTypes.lost, 0)],
  ['more output than there was leave for', Buffer.concat(Array(40).fill(frame(18, 1, ...Buffer.alloc(32_000))))],
])('%s ends the session, with all that runs in it', async (_, answer) => {
  const path = await impostor((socket, hello) => {
    socket.once('data', () => socket.write(Buffer.concat([frame(frameTypes.started, 1), answer])));
    socket.write(hello);
  });
  await using host = await connectAgent(path, { name: 'guest' }, never());
  await expect(host.stream(['true'], {}, never()).finished).rejects.toMatchObject(lost);
  await expect(host.run(['true'], {}, never())).rejects.toMatchObject(lost);
});

const sleeping = startFrame(1, ['sleep', '300'], {}, true) ?? Buffer.of();

test.each([
  ['an unknown type', frame(77, 1)],
  ['a type that only the agent sends', frame(frameTypes.exited, 1, 0, 0, 0, 0)],
  ['an endless frame', Buffer.from('\x02\x01\0\0\0\xff\xff\xff\xff', 'latin1')],
  ['a command without arguments', frame(frameTypes.start, 2, 0, 0, 0, 0, 0, 0)],
  ['fewer arguments than it says', frame(frameTypes.start, 2, 0, 2, 0, 0, 0, 120, 0)],
  ['an argument without its end', frame(frameTypes.start, 2, 0, 1, 0, 0, 0, 120)],
  ['a command that is there already', sleeping],
  ['an end without its grace', frame(frameTypes.end, 1)],
  ['more leave than there is room', frame(frameTypes.stdoutCredit, 1, 1, 0, 0, 0)],
  ['more input than it may take', Buffer.concat([inputHeader(1, 200_000), Buffer.alloc(200_000)])],
  ['input after its end', Buffer.concat([frame(frameTypes.inputEnd, 1), inputHeader(1, 1), Buffer.alloc(1)])],
])(
  'the agent ends a session with %s, kills its commands, and takes the next on the same stream',
  async (what, bytes) => {
    const { agent, host } = await agentHost();
    await host[Symbol.asyncDispose]();
    const socket = await rawSocket(agent.socket);
    const first = helloFrame(randomBytes(16));
    socket.write(Buffer.concat([first, sleeping]));
    await awaitBytes(socket, frame(frameTypes.started, 1));
    const [child = ''] = (await readFile(`/proc/${agent.child.pid}/task/${agent.child.pid}/children`, 'utf8')).split(
      ' ',
    );
    // Its input is never read, so that three times are too much.
    const times = what.startsWith('more input') ? Math.ceil(windows.input / 100_000) : 1;
    for (let turn = 0; turn < times; turn += 1) socket.write(bytes);
    const broken = what.startsWith('input after') ? undefined : frame(frameTypes.lost, 0);
    if (broken !== undefined) await awaitBytes(socket, broken);
    if (broken !== undefined) await until(() => isGone(Number(child)));
    const second = helloFrame(randomBytes(16));
    socket.write(second);
    await awaitBytes(socket, second);
    await until(() => isGone(Number(child)));
  },
);

test('the agent finds a session behind any bytes, in any pieces', async () => {
  const { agent, host } = await agentHost();
  await host[Symbol.asyncDispose]();
  const id = fc.integer({ min: 1, max: 3 });
  const start = fc
    .tuple(id, fc.constantFrom(['cat'], ['sh', '-c', 'echo out; echo err >&2; cat'], ['/absent']), fc.boolean())
    .map(([number, argv, withInput]) => startFrame(number, argv, {}, withInput) ?? Buffer.of());
  const payload = fc.constantFrom([], [0, 0, 0, 0], [100, 0, 0, 0], [...Buffer.alloc(3_000, 'x')]);
  const any = fc
    .tuple(fc.integer({ min: 2, max: 10 }), id, payload)
    .map(([type, number, bytes]) => frame(type, number, ...(type === 2 ? [] : bytes)));
  const input = fc
    .tuple(id, fc.integer({ min: 0, max: 9_000 }))
    .map(([number, length]) => Buffer.concat([inputHeader(number, length), Buffer.alloc(length)]));
  const plain = fc
    .tuple(fc.constantFrom(frameTypes.inputEnd, frameTypes.ping, frameTypes.close), id)
    .map(([type, number]) => frame(type, number));
  const session = fc
    .array(fc.oneof({ weight: 3, arbitrary: start }, { weight: 3, arbitrary: input }, plain, any), { maxLength: 30 })
    .map((frames) => Buffer.concat([helloFrame(Buffer.alloc(16, 3)), ...frames]));
  const before = fc.oneof(
    session,
    fc.uint8Array({ maxLength: 200 }),
    fc.constant(helloFrame(Buffer.alloc(16, 1)).subarray(0, 24)),
    fc.constant(helloFrame(Buffer.alloc(16, 1))),
    fc.constant(sleeping),
    fc.constant(Buffer.concat([helloFrame(Buffer.alloc(16, 2)), sleeping, Buffer.alloc(50), frame(99, 0)])),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(before), fc.integer({ min: 1, max: 64 }), async (parts, step) => {
      const socket = await rawSocket(agent.socket);
      // A frame that was cut takes so much, at most, of what follows it.
      const bytes = Buffer.concat([...parts, Buffer.alloc(256 * 1024 + 9)]);
      for (let at = 0; at < 2_000; at += step) socket.write(bytes.subarray(at, Math.min(at + step, 2_000)));
      socket.write(bytes.subarray(2_000));
      const hello = helloFrame(randomBytes(16));
      socket.write(hello);
      await awaitBytes(socket, hello);
      socket.destroy();
    }),
    { numRuns: 60 },
  );
  expect(agent.child.exitCode).toBeNull();
});

test('a session begins where the one before was cut in the middle of a frame, unseen by the agent', async () => {
  const { agent, host } = await agentHost();
  await host[Symbol.asyncDispose]();
  const socket = await rawSocket(agent.socket);
  const hello = helloFrame(randomBytes(16));
  socket.write(Buffer.concat([hello, sleeping]));
  await awaitBytes(socket, frame(frameTypes.started, 1));
  socket.write(Buffer.concat([inputHeader(1, 65_536), Buffer.alloc(10)]));
  const session = await beginSession('guest', socket, never());
  await session.close();
});

test('a reader who reads nothing holds up nobody, and loses nothing', async () => {
  const { host } = await agentHost();
  const size = 32 * 1024 * 1024;
  const flood = (): AsyncIterable<Uint8Array> =>
    host.stream(['dd', 'if=/dev/zero', 'bs=65536', `count=${size / 65_536}`], {}, never()).stdout;
  const slow = flood()[Symbol.asyncIterator]();
  let seen = (await slow.next()).value?.length ?? 0;
  const stuck = host.run(['sleep', '300'], { stdin: pattern(64), timeoutMs: 20_000 }, never());
  stuck.catch(() => undefined);
  const expected = createHash('sha256').update(Buffer.alloc(size)).digest('hex');
  expect(await Promise.all([hashOf(flood()), hashOf(flood()), hashOf(flood())])).toEqual(Array(3).fill(expected));
  for (let next = await slow.next(); next.done !== true; next = await slow.next()) seen += next.value.length;
  expect(seen).toBe(size);
});

test('64 MiB go both ways at once', async () => {
  const { host } = await agentHost();
  const { stdout, finished } = host.stream(['cat'], { stdin: pattern(64) }, never());
  expect(await hashOf(stdout)).toBe(await hashOf(pattern(64)));
  expect((await finished).code).toBe(0);
});

test('thirty commands at once keep apart', async () => {
  const { host } = await agentHost();
  const script = 'cat; echo "err $1" >&2; exit "$1"';
  const ends = Array.from({ length: 30 }, async (_, number) => {
    const argv = ['sh', '-c', script, 'sh', String(number)] as const;
    const stdin = Buffer.alloc(100_000, `${number},`);
    const { code, stdout, stderr } = await host.run(argv, { stdin, okCodes: [number] }, never());
    expect({ code, stderr }).toEqual({ code: number, stderr: `err ${number}\n` });
    expect(stdout.equals(stdin)).toBe(true);
  });
  await Promise.all(ends);
});

test('more commands than there can be are refused, and leave the others alone', async () => {
  const { host } = await agentHost();
  const stop = new AbortController();
  const ends = Array.from(
    { length: 260 },
    async () => await host.run(['cat', '/dev/stdin'], { stdin: held(stop.signal) }, never()),
  );
  const refused = Promise.allSettled(ends);
  await expect(Promise.race(ends)).rejects.toMatchObject({ code: 'failed', retryable: true });
  stop.abort();
  const outcomes = await refused;
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(200);
  expect((await host.run(['echo', 'here'], {}, never())).stdout.toString()).toBe('here\n');
});

test('a command has a session, signals and descriptors of its own, and nothing of the agent’s environment', async () => {
  const { host } = await agentHost();
  const run = async (...argv: [string, ...string[]]) =>
    (await host.run(argv, { env: { GIVEN: 'yes' } }, never())).stdout.toString();
  const variables = (await run('env')).trimEnd().split('\n');
  expect(new Set(variables.map((line) => line.split('=')[0]))).toEqual(new Set(['GIVEN', 'HOME', 'LC_ALL', 'PATH']));
  const [, ids = ''] = (await run('sh', '-c', 'echo $$; cat /proc/$$/stat')).split(/^/m);
  const [pid, , , , group, session] = ids.replace(/\(.*\)/, 'name').split(' ');
  expect([group, session]).toEqual([pid, pid]);
  // The last is the directory itself.
  expect((await run('ls', '/proc/self/fd')).split('\n')).toEqual(['0', '1', '2', '3', '']);
  expect(await run('grep', '-E', 'SigBlk|SigIgn', '/proc/self/status')).toMatch(/^SigBlk:\t0+\nSigIgn:\t0+\n$/);
});

test('what commands leave behind is collected', async () => {
  const { agent, host } = await agentHost();
  await host.run(['sh', '-c', 'for n in 1 2 3; do setsid sleep 0.$n & done'], {}, never());
  const children = async () =>
    (await readFile(`/proc/${agent.child.pid}/task/${agent.child.pid}/children`, 'utf8')).trim();
  await until(async () => (await children()) === '');
});

test('a program that cannot be started says why', async () => {
  const { host } = await agentHost();
  await expect(host.run(['/etc/passwd'], {}, never())).rejects.toMatchObject({
    code: 'permission-denied',
    message: expect.stringContaining('cannot start /etc/passwd'),
  });
  await expect(host.run(['true', 'x'.repeat(300_000)], {}, never())).rejects.toMatchObject({ code: 'unsupported' });
  await expect(host.run(['true', 'x'.repeat(200_000)], {}, never())).rejects.toMatchObject({ code: 'failed' });
  await expect(access('/etc/passwd')).resolves.toBeUndefined();
});
