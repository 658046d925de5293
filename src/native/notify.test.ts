import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { sendDatagram } from './notify.ts';

const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', chr(0), 1))
print('ready', flush=True)
print(repr(s.recv(65536)), flush=True)
`;

async function received(address: string, bytes: Uint8Array): Promise<string | undefined> {
  const python: ChildProcess = spawn('python3', ['-c', receiver, address], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (python.stdout === null) throw new Error('no stdout');
  const lines: string[] = [];
  createInterface({ input: python.stdout }).on('line', (line) => {
    lines.push(line);
    if (line === 'ready') sendDatagram(address, bytes);
  });
  await once(python, 'close');
  return lines[1];
}

test('a datagram arrives whole at a path and at an abstract name', async () => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  const message = Buffer.from('READY=1\nSTATUS=ü');
  expect(await received(join(directory.path, 'socket'), message)).toBe(String.raw`b'READY=1\nSTATUS=\xc3\xbc'`);
  expect(await received(`@lifeboat-test-${process.pid}`, message)).toBe(String.raw`b'READY=1\nSTATUS=\xc3\xbc'`);
});

test('nobody there, and a name that is too long, are errors', () => {
  expect(() => sendDatagram('/nonexistent/socket', Buffer.from('x'))).toThrow(
    expect.objectContaining({ code: 'ENOENT' }),
  );
  expect(() => sendDatagram(`/${'x'.repeat(200)}`, Buffer.from('x'))).toThrow(
    expect.objectContaining({ code: 'ENAMETOOLONG' }),
  );
});
