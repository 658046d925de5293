import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Child, Start } from './child.ts';
import { runCommand, streamCommand } from './command.ts';

const never = () => new AbortController().signal;

/** A process that nothing can end, such as one that waits for a dead disk. */
function immortal(): { readonly start: Start; readonly child: Child; abandoned: boolean } {
  const forever = new Promise<never>(() => undefined);
  const result = {
    abandoned: false,
    start: () => Promise.resolve(child),
  };
  const child: Child = {
    stdin: undefined,
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    exited: forever,
    arrived: () => forever,
    end: () => forever,
    abandon() {
      result.abandoned = true;
    },
  };
  return Object.assign(result, { child });
}

test.concurrent('a command that cannot be ended is given up', async () => {
  const process = immortal();
  const running = runCommand(process.start, ['stuck'], { timeoutMs: 50 }, never());
  await expect(running).rejects.toMatchObject({ code: 'command-timeout', message: 'stuck did not end within 50 ms' });
  expect(process.abandoned).toBe(true);
});

test.concurrent('leaving its output is given up too', async () => {
  const { start, child } = immortal();
  child.stdout.push('first');
  const { stdout, finished } = streamCommand(start, ['stuck'], {}, never());
  for await (const chunk of stdout) {
    expect(chunk.toString()).toBe('first');
    break;
  }
  expect(await finished).toEqual({ code: 137, stderr: '' });
});

test('a process that cannot be started is the error of both ends', async () => {
  const start: Start = () => Promise.reject(new Error('no more processes'));
  const { stdout, finished } = streamCommand(start, ['x'], {}, never());
  await expect(Array.fromAsync(stdout)).rejects.toThrow('no more processes');
  await expect(finished).rejects.toThrow('no more processes');
});
