/** Failures that users hit, provoked with a real CRIU: each is explained by its row of the table. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { DumpOptions, RestoreOptions } from '../../src/criu/options.ts';
import { failures } from '../../src/criu/failures.ts';
import { CriuSession } from '../../src/criu/session.ts';
import { criuObstacle, criuRoot, type CriuRoot } from '../helpers/criu-root.ts';

const obstacle = criuObstacle();
if (obstacle !== undefined) console.warn(`skipped: ${obstacle}`);

let root: CriuRoot;
let last = 0;

interface Provoked {
  readonly directory: string;
  readonly images: string;
  readonly pid: number;
}

/** A process of Python that has done this, with `d` a directory of its own. */
async function provoked(script: string, ...apart: readonly string[]): Promise<Provoked> {
  last += 1;
  const directory = join(root.directory, `provoked-${last}`);
  const images = join(directory, 'images');
  await mkdir(images, { recursive: true });
  const head = `import ctypes, fcntl, os, socket, sys, threading, time\nd = '${directory}'\nlibc = ctypes.CDLL(None)\n`;
  const program = `${head}${script}\nopen(d + '/ready', 'w').write(str(os.getpid()))\ntime.sleep(600)`;
  const { pid } = await root.start([...apart, 'python3', '-c', program]);
  for (let tries = 0; !existsSync(join(directory, 'ready')); tries++) {
    if (tries > 500) throw new Error(`not ready: ${script}`);
    await sleep(10);
  }
  await sleep(20);
  return { directory, images, pid };
}

async function dump(provoked: Provoked, options: Partial<DumpOptions> = {}): Promise<void> {
  await using session = new CriuSession({ command: root.criu });
  const { pid, images: imagesDir } = provoked;
  await session.dump({ pid, imagesDir, ...options }, {}, new AbortController().signal);
}

async function restore({ images: imagesDir }: Provoked, options: Partial<RestoreOptions> = {}): Promise<void> {
  await using session = new CriuSession({ command: root.criu });
  const { ended } = await session.restore(
    { imagesDir, restoreSibling: true, ...options },
    {},
    new AbortController().signal,
  );
  void ended;
}

/** That it failed for the reason of this row: its words, with what was captured in them. */
async function expectFailure(work: Promise<void>, id: string): Promise<void> {
  const failure = failures.find((one) => one.id === id);
  expect(failure, id).toBeDefined();
  const words = (failure?.cause ?? '').split(/\$\d/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  await expect(work).rejects.toMatchObject({
    code: 'criu-failed',
    message: expect.stringMatching(new RegExp(words.join('.*'))),
    hint: expect.stringContaining((failure?.next ?? '').split(/\$\d/)[0] ?? '?'),
  });
}

describe.skipIf(obstacle !== undefined)('with CRIU', () => {
  beforeAll(async () => {
    root = await criuRoot();
  });
  afterAll(async () => {
    await root[Symbol.asyncDispose]();
  });
  afterEach(() => {
    root.end();
  });

  const server = `l = socket.create_server(('127.0.0.1', 0))
a = socket.create_connection(l.getsockname())
b, _ = l.accept()`;

  const halfPair = `a, b = socket.socketpair()
if os.fork() == 0:
  os.setsid()
  if os.fork() == 0:
    a.close()
    time.sleep(60)
  os._exit(0)
os.wait()
b.close()`;

  test.each([
    ['io-uring', `p = ctypes.create_string_buffer(200)\nassert libc.syscall(425, 4, p) > 0`],
    ['userfaultfd', `assert libc.syscall(323, 0) > 0`],
    [
      'perf-event',
      `a = (ctypes.c_uint32 * 32)(1, 112)
assert libc.syscall(298, a, 0, -1, -1, 0) > 0`,
    ],
    ['tcp-established', server],
    ['mptcp', `l = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\nl.bind(('127.0.0.1', 0))\nl.listen(1)`],
    ['tcp-in-flight', `l = socket.create_server(('127.0.0.1', 0))\na = socket.create_connection(l.getsockname())`],
    ['unix-external', halfPair],
    ['file-outside', `f = os.open('/proc/' + str(os.getppid()) + '/root/etc/passwd', os.O_RDONLY)`],
    ['ghost-size', `f = open(d + '/big', 'wb')\nf.write(b'x' * (2 << 20))\nf.flush()\nos.unlink(d + '/big')`],
    ['link-remap', `f = open(d + '/one', 'w')\nos.link(d + '/one', d + '/two')\nos.unlink(d + '/one')`],
    ['file-locks', `f = open(d + '/locked', 'w')\nfcntl.flock(f, fcntl.LOCK_EX)`],
    [
      'sysv-shm',
      `i = libc.shmget(0, 4096, 0o1600)\nlibc.shmat.restype = ctypes.c_void_p\nassert libc.shmat(i, None, 0)`,
    ],
    [
      'mount-nested',
      `if os.fork() == 0:
  assert libc.unshare(0x08000000) == 0
  open(d + '/inner', 'w').close()
  time.sleep(600)
while not os.path.exists(d + '/inner'): time.sleep(0.01)`,
    ],
  ])('a dump fails: %s', async (id, script) => {
    await expectFailure(dump(await provoked(script)), id);
  });

  test('a dump fails: terminal, session-leader', async () => {
    const inner = `import pty, termios
m, s = os.openpty()
pid = os.fork()
if pid == 0:
  os.setsid()
  fcntl.ioctl(s, 0x540e, 0)
  os.close(m)
  open(d + '/child', 'w').write(str(os.getpid()))
  time.sleep(600)
while not os.path.exists(d + '/child'): time.sleep(0.01)`;
    const outer = await provoked(inner);
    const child = Number(execFileSync('cat', [join(outer.directory, 'child')], { encoding: 'utf8' }));
    await sleep(20);
    await expectFailure(dump({ ...outer, pid: child }), 'terminal');
    const forked = await provoked(
      `if os.fork() == 0:\n  open(d + '/child', 'w').write(str(os.getpid()))\n  time.sleep(600)`,
    );
    await sleep(50);
    const inSession = Number(execFileSync('cat', [join(forked.directory, 'child')], { encoding: 'utf8' }));
    await expectFailure(dump({ ...forked, pid: inSession }), 'session-leader');
  });

  test('a dump fails: traced, no-process, no-freezer', async () => {
    const traced = await provoked(`if os.fork() == 0:
  time.sleep(0.2)
  libc.ptrace(0x4206, os.getppid(), 0, 0)
  open(d + '/tracing', 'w').close()
  time.sleep(60)
while not os.path.exists(d + '/tracing'): time.sleep(0.01)`);
    await expectFailure(dump(traced), 'traced');
    const other = await provoked('');
    await expectFailure(dump({ ...other, pid: 2 ** 22 - 2 }), 'no-process');
    await expectFailure(dump(other, { freezeCgroup: root.directory }), 'no-freezer');
  });

  test('a dump fails: unix-half', async () => {
    await expectFailure(dump(await provoked(halfPair), { extUnixSk: true }), 'unix-half');
  });

  test('a dump fails: no-space', async () => {
    const big = await provoked(`m = bytearray(8 << 20)\nfor i in range(0, len(m), 4096): m[i] = 1`);
    execFileSync(root.enter[0], [...root.enter.slice(1), 'mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', big.images]);
    // Seen here by the mounts of a process that is there.
    const images = `/proc/${root.holder}/root${big.images}`;
    await expectFailure(dump({ ...big, images }), 'no-space');
  });

  test('a restore fails: image-missing, image-damaged, file-missing, file-changed, pid-taken', async () => {
    const whole = await provoked(`f = open(d + '/data', 'w+')\nf.write('x' * 100)\nf.flush()`);
    await dump(whole, { leaveRunning: true });
    await expectFailure(restore(whole), 'pid-taken');
    await dump(whole);
    const data = join(whole.directory, 'data');
    writeFileSync(data, 'shorter');
    await expectFailure(restore(whole), 'file-changed');
    unlinkSync(data);
    await expectFailure(restore(whole), 'file-missing');
    const [core = ''] = readdirSync(whole.images).filter((name) => name.startsWith('core-'));
    truncateSync(join(whole.images, core), 30);
    await expectFailure(restore(whole), 'image-damaged');
    unlinkSync(join(whole.images, 'inventory.img'));
    await expectFailure(restore(whole), 'image-missing');
  });

  test('a restore fails: address-missing, port-taken', async () => {
    const ip = (...args: readonly string[]) => execFileSync(root.enter[0], [...root.enter.slice(1), 'ip', ...args]);
    ip('addr', 'add', '10.99.0.1/32', 'dev', 'lo');
    const bound = await provoked(`l = socket.create_server(('10.99.0.1', 4100))`);
    await dump(bound);
    ip('addr', 'del', '10.99.0.1/32', 'dev', 'lo');
    await expectFailure(restore(bound), 'address-missing');
    ip('addr', 'add', '10.99.0.1/32', 'dev', 'lo');
    await provoked(`l = socket.create_server(('10.99.0.1', 4100))`);
    await expectFailure(restore(bound), 'port-taken');
  });

  test('a restore fails: tcp-established', async () => {
    const connected = await provoked(server);
    await dump(connected, { tcpEstablished: true });
    await expectFailure(restore(connected), 'tcp-established');
  });

  test('the network cannot be locked: no-iptables', async () => {
    const connected = await provoked(server);
    await using session = new CriuSession({ command: [...root.enter, 'criu'] });
    const images = { pid: connected.pid, imagesDir: connected.images, tcpEstablished: true };
    const work = session.dump({ ...images, networkLock: 'iptables' }, {}, new AbortController().signal);
    await expectFailure(work, 'no-iptables');
  });

  test('nobody listens: page-server', async () => {
    const any = await provoked('');
    await expectFailure(dump(any, { pageServer: { address: '127.0.0.1', port: 9 } }), 'page-server');
  });

  test('the right is missing: denied', async () => {
    const any = await provoked('');
    await using session = new CriuSession({
      command: [...root.enter, 'setpriv', '--inh-caps=-all', '--bounding-set=-all', 'criu'],
    });
    const work = session.dump({ pid: any.pid, imagesDir: any.images }, {}, new AbortController().signal);
    await expectFailure(work, 'denied');
  });
});
