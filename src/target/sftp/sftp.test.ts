import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Oddities, startOddSftp } from '../../../test/helpers/odd-sftp.ts';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { dialSsh } from '../../host/ssh-dial.ts';
import { noSecrets } from '../../kernel/secret.ts';
import { keysBelow, read, sampleBytes } from '../conformance/case.ts';
import { packet, Reader } from './packet.ts';
import { openSftpTarget } from './sftp.ts';
import { parseSftpUrl } from './url.ts';

const MiB = 1024 * 1024;

async function odd(oddities: Oddities, signal: AbortSignal) {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startOddSftp(oddities));
  const target = stack.use(await openSftpTarget(server.url, { ssh: server.ssh, patienceMs: 1_000 }, signal));
  const owned = stack.move();
  return { server, target, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test('a write that was acknowledged and not done is found out, and the old object stays', async ({ signal }) => {
  const oddities: Oddities = {};
  await using place = await odd(oddities, signal);
  const { server, target } = place;
  await target.put('object', sampleBytes(10), {}, signal);
  for (const dropsFrom of [0, 1, MiB, 2 * MiB - 1]) {
    oddities.dropsFrom = dropsFrom;
    await expect(target.put('object', sampleBytes(2 * MiB), {}, signal)).rejects.toMatchObject({
      code: 'target-failed',
      message: expect.stringContaining(`holds ${dropsFrom} bytes of ${2 * MiB}`),
      retryable: true,
    });
    expect(server.files.get('/store/object')).toEqual(sampleBytes(10));
    expect([...server.files.keys()]).toEqual(['/store/object']);
  }
});

test('sizes that are wrong are found out when the bytes end too early', async ({ signal }) => {
  const oddities: Oddities = {};
  await using place = await odd(oddities, signal);
  await place.target.put('object', sampleBytes(MiB), {}, signal);
  oddities.sizeError = 5;
  await expect(read(place.target, 'object', undefined, signal)).rejects.toMatchObject({ code: 'target-failed' });
  await expect(place.target.put('object', sampleBytes(MiB), {}, signal)).rejects.toMatchObject({
    code: 'target-failed',
  });
});

test('reads that are short and come in another order make the same bytes', async ({ signal }) => {
  await using place = await odd({ shortReads: 30_001, reorders: true }, signal);
  const bytes = sampleBytes(MiB + 3);
  await place.target.put('object', bytes, {}, signal);
  expect((await read(place.target, 'object', undefined, signal)).equals(bytes)).toBe(true);
  const part = await read(place.target, 'object', { offset: 33_333, length: 100_000 }, signal);
  expect(part.equals(bytes.subarray(33_333, 133_333))).toBe(true);
});

test('without extensions an object is replaced in steps, and the traits say so', async ({ signal }) => {
  await using place = await odd({}, signal);
  const { server, target } = place;
  expect(target.traits).toMatchObject({ atomicPut: false, exclusivePut: false, patient: true });
  for (const seed of [1, 2]) await target.put('object', sampleBytes(100, seed), {}, signal);
  expect([...server.files]).toEqual([['/store/object', sampleBytes(100, 2)]]);
  expect(await keysBelow(target, '', signal)).toEqual(['object']);
  await expect(target.put('other', sampleBytes(1), { ifAbsent: true }, signal)).rejects.toMatchObject({
    code: 'unsupported',
  });
});

test('a server that logs us in and then stands still is away', async ({ signal }) => {
  await using server = await startOddSftp({ freezes: true });
  const options = { ssh: server.ssh, patienceMs: 100, silenceMs: 200 };
  await expect(openSftpTarget(server.url, options, signal)).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('has not started its SFTP service'),
  });
  await using directory = await temporaryDirectory();
  const configFile = join(directory.path, 'config');
  const { port } = new URL(server.url);
  await writeFile(configFile, `Host far\n  ProxyJump odd@127.0.0.1:${port}\n`);
  const dialing = { settings: { ...server.ssh, configFile }, secrets: noSecrets, connectTimeoutMs: 2_000 };
  await expect(dialSsh({ host: 'far' }, dialing, signal)).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('the jump host has not connected'),
  });
});

test('a folder that never comes to its end is an error', async ({ signal }) => {
  await using endless = await odd({ endless: true }, signal);
  await expect(keysBelow(endless.target, '', signal)).rejects.toMatchObject({
    code: 'target-failed',
    message: expect.stringContaining('without an end'),
  });
});

test('what answers and is no ssh server is no success', async ({ signal }) => {
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const options = { ssh: { knownHosts: '/dev/null' }, patienceMs: 100, connectTimeoutMs: 500 };
  await expect(openSftpTarget(`sftp://me@127.0.0.1:${port}/x`, options, signal)).rejects.toMatchObject({
    code: 'unreachable',
  });
  server.close();
});

test.each([
  ['sftp://nas/backup', { host: 'nas' }, '/backup', 'sftp://nas/backup'],
  [
    'SFTP://me@nas:2222/backup//x/',
    { host: 'nas', user: 'me', port: 2222 },
    '/backup/x',
    'sftp://me@nas:2222/backup/x',
  ],
  ['sftp://nas/~/backup', { host: 'nas' }, 'backup', 'sftp://nas/~/backup'],
  ['sftp://nas/~', { host: 'nas' }, '.', 'sftp://nas/~'],
  ['sftp://nas/', { host: 'nas' }, '/', 'sftp://nas/'],
  ['sftp://m%40x@[fe80::1]/a%20b', { host: 'fe80::1', user: 'm@x' }, '/a b', 'sftp://m%40x@[fe80::1]/a%20b'],
])('%s', (text, destination, path, url) => {
  expect(parseSftpUrl(text)).toEqual({ destination, path, url });
  expect(parseSftpUrl(url)).toEqual({ destination, path, url });
});

test.each([
  ['sftp:/backup', /not an SFTP URL/],
  ['sftp://', /not an SFTP URL/],
  ['sftp://me:secret1@nas/backup', /a password in a URL/],
  ['sftp://nas/backup?x', /%3F/],
  ['sftp://nas/a/../b', /\.\./],
  ['sftp://nas/a/%2E%2e/b', /\.\./],
  ['sftp://nas/a%2f..%2F..%2fetc', /escaped slash/],
  ['sftp://nas', /no path/],
  ['sftp://nas/~other/b', /home of another account/],
  ['sftp://nas/%zz', /escapes/],
  ['sftp://nas/a%00', /escapes/],
])('refuses %s', (text, message) => {
  expect(() => parseSftpUrl(text)).toThrow(expect.objectContaining({ code: 'config-invalid' }));
  expect(() => parseSftpUrl(text)).toThrow(message);
  expect(() => parseSftpUrl(text)).not.toThrow(/secret1/);
});

test('packets are taken apart as they were made', () => {
  const bytes = packet(200, 7, 'name', 2n ** 40n, Buffer.from([1, 2]));
  expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
  const reader = new Reader(bytes, 4);
  expect([reader.byte(), reader.uint32(), reader.text(), reader.uint64(), [...reader.bytes()], reader.atEnd]).toEqual([
    200,
    7,
    'name',
    2 ** 40,
    [1, 2],
    true,
  ]);
  expect(() => new Reader(bytes.subarray(0, 12), 9).bytes()).toThrow(RangeError);
});
