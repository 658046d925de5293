import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { childEnded, startPacketChild, type Packet, type PacketChild } from './packet-child.ts';

const none = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' };

/** Runs a program of Python, whose end of the socket is `s`, with all that it sends. */
function start(script: string, output: number, inherited: readonly number[] = []): PacketChild & { got: Packet[] } {
  const got: Packet[] = [];
  const program = `import os, signal, socket, sys, time\ns = socket.socket(fileno=3)\n${script}`;
  const child = startPacketChild(['python3', '-c', program], { env: none, output, inherited }, (packet) =>
    got.push(packet),
  );
  return { ...child, got };
}

function disposedFile(path: string): { fd: number } & Disposable {
  const fd = openSync(path, 'a+');
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

test('packets go both ways as they are, with their descriptors', async () => {
  await using directory = await temporaryDirectory();
  using output = disposedFile(join(directory.path, 'output'));
  using given = disposedFile(join(directory.path, 'given'));
  using inherited = disposedFile(join(directory.path, 'inherited'));
  const child = start(
    `data, fds, _, _ = socket.recv_fds(s, 1 << 20, 4)
os.write(fds[0], b'by message')
os.write(4, b'by birth')
s.send(data)
s.send(b'')  # an empty one is the end for the reader
r, w = os.pipe()
os.write(w, b'from the child')
socket.send_fds(s, [b'x' * 100000], [r])
print('said')
sys.exit(7)`,
    output.fd,
    [inherited.fd],
  );
  child.send(Buffer.alloc(50_000, 'a'), [given.fd]);
  expect(await child.ended).toEqual({ code: 7 });
  expect(readFileSync(join(directory.path, 'given'), 'utf8')).toBe('by message');
  expect(readFileSync(join(directory.path, 'inherited'), 'utf8')).toBe('by birth');
  expect(readFileSync(join(directory.path, 'output'), 'utf8')).toBe('said\n');
  expect(child.got.map(({ bytes }) => bytes.length)).toEqual([50_000]);
  expect(() => child.send(Buffer.from('late'))).toThrow(expect.objectContaining({ code: 'EPIPE' }));
  child.kill('SIGKILL');
});

test('a descriptor that the child sends is one of ours', async () => {
  await using directory = await temporaryDirectory();
  using output = disposedFile(join(directory.path, 'output'));
  const child = start(
    `r, w = os.pipe()
os.write(w, b'from the child')
socket.send_fds(s, [b'x'], [r])`,
    output.fd,
  );
  await child.ended;
  const [fd = -1] = child.got[0]?.descriptors ?? [];
  expect(readlinkSync(`/proc/self/fd/${fd}`)).toMatch(/^pipe:/);
  expect(readFileSync(fd, 'utf8')).toBe('from the child');
  closeSync(fd);
});

test('it has no signal blocked, and is told of the end when the socket is shut', async () => {
  await using directory = await temporaryDirectory();
  using output = disposedFile(join(directory.path, 'output'));
  const child = start(
    `own = os.getsid(0) == os.getpid()
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), own, s.recv(10), flush=True)
time.sleep(600)`,
    output.fd,
  );
  child.shut();
  const said = () => readFileSync(join(directory.path, 'output'), 'utf8');
  while (said() === '') await new Promise((done) => setTimeout(done, 5));
  child.kill('SIGTERM');
  expect(await child.ended).toEqual({ signal: 'SIGTERM' });
  expect(said()).toBe("set() True b''\n");
});

test('the end of a child of which others hold the socket', async () => {
  await using directory = await temporaryDirectory();
  using output = disposedFile(join(directory.path, 'output'));
  const child = start(
    `if os.fork() == 0:
  time.sleep(1)
  os._exit(0)
s.send(b'last')
os._exit(3)`,
    output.fd,
  );
  expect(await child.ended).toEqual({ code: 3 });
  expect(child.got.map(({ bytes }) => bytes.toString())).toEqual(['last']);
});

test('a child that another child has made beside itself is reaped', async () => {
  await using directory = await temporaryDirectory();
  using output = disposedFile(join(directory.path, 'output'));
  // clone with CLONE_PARENT and SIGCHLD, as CRIU restores
  const child = start(
    `import ctypes
pid = ctypes.CDLL(None).syscall(56, 0x8000 | 17, 0, 0, 0, 0)
if pid == 0:
  time.sleep(0.2)
  os._exit(5)
s.send(str(pid).encode())
s.recv(10)`,
    output.fd,
  );
  while (child.got.length === 0) await new Promise((done) => setTimeout(done, 5));
  const pid = Number(child.got[0]?.bytes.toString());
  expect(await childEnded(pid)).toEqual({ code: 5 });
  await expect(childEnded(pid)).rejects.toThrow(expect.objectContaining({ code: 'ECHILD' }));
  child.shut();
  await child.ended;
});

test('what cannot be started or passed', async () => {
  await using directory = await temporaryDirectory();
  using output = disposedFile(join(directory.path, 'output'));
  const begin = (argv: [string], inherited: readonly number[]) => () =>
    startPacketChild(argv, { env: none, output: output.fd, inherited }, () => undefined);
  expect(begin(['/nonexistent'], [])).toThrow(expect.objectContaining({ code: 'ENOENT', path: '/nonexistent' }));
  expect(begin(['true'], [99_999])).toThrow(expect.objectContaining({ code: 'EBADF' }));
  expect(
    begin(
      ['true'],
      Array.from({ length: 17 }, () => output.fd),
    ),
  ).toThrow(expect.objectContaining({ code: 'native-call' }));
  expect(begin(['a\0b'], [])).toThrow(expect.objectContaining({ code: 'native-call' }));
});
