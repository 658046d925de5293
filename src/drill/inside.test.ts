/** The checks, carried out on this machine as they are in another. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { canary, carryOut, type WantedCheck } from './inside.ts';

const { signal } = new AbortController();
const host = localHost();
const server = createServer((request, response) => {
  response.statusCode = request.url === '/gone' ? 404 : 200;
  response.end('all is well\n');
});
let port = 0;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeAll(async () => {
  directory = await temporaryDirectory();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = z.object({ port: z.number() }).parse(server.address()).port;
});

afterAll(async () => {
  server.close();
  await directory[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

type Without<T> = T extends unknown ? Omit<T, 'name' | 'within'> : never;
const look = async (wanted: Without<WantedCheck>): Promise<boolean> => {
  const check = { name: 'one', within: 0, ...wanted } as WantedCheck;
  return (await carryOut(host, check, signal)).passed;
};

describe('checks', () => {
  test('command: exit status, and what it prints', async () => {
    expect(await look({ kind: 'command', argv: ['echo', 'one'] })).toBe(true);
    expect(await look({ kind: 'command', argv: ['echo', 'one'], expect: '^one$' })).toBe(true);
    expect(await look({ kind: 'command', argv: ['echo', 'one'], expect: '^two$' })).toBe(false);
    expect(await look({ kind: 'command', argv: ['false'] })).toBe(false);
    expect(await look({ kind: 'command', argv: ['/nowhere/program'] })).toBe(false);
  });

  test('file', async () => {
    const path = join(directory.path, 'release');
    await writeFile(path, 'name\n2.7\n');
    expect(await look({ kind: 'file', path, expect: '^2\\.' })).toBe(true);
    expect(await look({ kind: 'file', path, expect: '^3\\.' })).toBe(false);
    expect(await look({ kind: 'file', path: `${path}-gone` })).toBe(false);
  });

  test('tcp and http', async () => {
    expect(await look({ kind: 'tcp', host: '127.0.0.1', port })).toBe(true);
    expect(await look({ kind: 'tcp', host: '127.0.0.1', port: 1 })).toBe(false);
    const url = `http://127.0.0.1:${port}`;
    expect(await look({ kind: 'http', url, expect: 'well' })).toBe(true);
    expect(await look({ kind: 'http', url, expect: 'ill' })).toBe(false);
    expect(await look({ kind: 'http', url: `${url}/gone` })).toBe(false);
  });

  test('again and again until it is right', async () => {
    const path = join(directory.path, 'late');
    setTimeout(() => void writeFile(path, 'there'), 300);
    const check = { name: 'late', within: 60_000, kind: 'file', path } as const;
    expect((await carryOut(host, check, signal)).passed).toBe(true);
  });
});

test.for([
  ['{"format":"lifeboat.canary/1","point":"P1"}', true],
  ['{"point":"P2"}', false],
  ['{"poin', false],
  [undefined, false],
] as const)('a canary that holds %s', async ([content, wanted]) => {
  const path = join(directory.path, `canary-${String(wanted)}-${content?.length}`);
  if (content !== undefined) await writeFile(path, content);
  expect((await canary(host, path, 'P1', signal)).passed).toBe(wanted);
});
