import { spawn } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { holding, othersEnded } from './outlive.ts';

const { signal } = new AbortController();

/** Runs a command for lifeboat, which is killed as soon as the command has begun. */
const killed = `
import { holding } from '${import.meta.dirname}/outlive.ts';
import { localHost } from '${import.meta.dirname}/../host/local.ts';
const [lock, file] = process.argv.slice(1);
const script = 'echo begun > "$1"; kill -9 "$2"; sleep 1; echo ended >> "$1"';
await holding(localHost(), lock).run(['sh', '-c', script, 'sh', file, String(process.pid)], {}, new AbortController().signal);
`;

test('a command outlives the lifeboat that was killed, and who comes next waits for its end', async () => {
  await using directory = await temporaryDirectory();
  const [lock, file] = [join(directory.path, 'lock'), join(directory.path, 'file')];
  const child = spawn(process.execPath, ['--input-type=module', '-e', killed, '--', lock, file]);
  const name = await new Promise((resolve) => child.once('exit', (_, by) => resolve(by)));
  expect(name).toBe('SIGKILL');
  expect(await readFile(file, 'utf8')).toBe('begun\n');
  await othersEnded(localHost(), lock, 60_000, signal);
  expect(await readFile(file, 'utf8')).toBe('begun\nended\n');
});

test('one that does not end is told; what it left behind is not waited for', async () => {
  await using directory = await temporaryDirectory();
  const [lock, file] = [join(directory.path, 'lock'), join(directory.path, 'file')];
  const host = holding(localHost(), lock);
  const control = new AbortController();
  const running = host.run(['sh', '-c', 'touch "$1"; sleep 600', 'sh', file], { timeoutMs: 600_000 }, control.signal);
  running.catch(() => undefined);
  await vi.waitFor(async () => await access(file), { timeout: 60_000 });
  await expect(othersEnded(localHost(), lock, 100, signal)).rejects.toMatchObject({ code: 'locked' });
  control.abort();
  await expect(running).rejects.toMatchObject({ code: 'interrupted' });
  await host.run(['sh', '-c', 'setsid sleep 5 > /dev/null 2>&1 &'], {}, signal);
  await othersEnded(localHost(), lock, 1_000, signal);
});

test('a command that fails is named as it is', async () => {
  await using directory = await temporaryDirectory();
  const host = holding(localHost(), join(directory.path, 'lock'));
  await expect(host.run(['ls', '/nowhere at all'], {}, signal)).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringMatching(/^ls '\/nowhere at all' failed with exit code 2/),
  });
});
