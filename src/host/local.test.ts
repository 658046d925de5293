import { fstatSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { localHost } from './local.ts';

const pipes = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY, made: new Array<number>() }));
vi.mock('../native/file.ts', async (original) => {
  const actual: typeof import('../native/file.ts') = await original();
  return {
    ...actual,
    makePipe: (size: number) => {
      if (pipes.left-- <= 0) throw Object.assign(new Error('EMFILE: too many open files, pipe2'), { code: 'EMFILE' });
      const pipe = actual.makePipe(size);
      pipes.made.push(pipe.read, pipe.write);
      return pipe;
    },
  };
});
afterEach(() => {
  pipes.left = Number.POSITIVE_INFINITY;
});

test('a process that gets only one of its pipes is not started, and the pipe is closed', async () => {
  pipes.left = 1;
  const { signal } = new AbortController();
  const running = localHost().stream(['cat'], { stdin: Buffer.from('x'), reuse: true }, signal);
  await expect(running.finished).rejects.toMatchObject({
    name: 'LifeboatError',
    message: expect.stringContaining('cannot start cat'),
  });
  expect(pipes.made).toHaveLength(2);
  for (const fd of pipes.made) expect(() => fstatSync(fd)).toThrow('EBADF');
});
