/** Knocking from a machine that is imitated by its answers: what is said has to be what happened. */
import { expect, test } from 'vitest';
import type { Host, RunResult } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { isolation } from './isolation.ts';

const { signal } = new AbortController();

/** @param answers of programs, by their names; others are not there */
function machine(answers: Readonly<Record<string, Partial<RunResult>>>): Host {
  const never = (): never => {
    throw new Error('not asked for');
  };
  return {
    name: 'machine',
    run: async ([, , program = '']) => {
      const answer = answers[program];
      if (answer === undefined) throw new LifeboatError('tool-missing', `no ${program}`);
      return { code: 1, stdout: Buffer.alloc(0), stderr: '', ...answer };
    },
    stream: never,
    read: never,
    write: never,
    [Symbol.asyncDispose]: async () => {},
  };
}

test('what was tried, and what came of it', async () => {
  const answers = {
    bash: { stderr: 'line 1: connect: Network is unreachable' },
    curl: { code: 124 },
    getent: { code: 2 },
  };
  const [check, ...others] = await isolation(machine(answers), signal);
  expect(others).toEqual([]);
  expect(check?.passed).toBe(true);
  for (const text of [
    /bash to 10\.0\.2\.2:\d+: .*Network is unreachable/,
    /curl to \S+: no answer/,
    /getent .*: exit status 2/,
  ])
    expect(check?.detail).toMatch(text);
  expect(check?.detail).not.toContain('python3');
});

test('a program that got through', async () => {
  expect(await isolation(machine({ bash: { code: 1 }, python3: { code: 0 } }), signal)).toMatchObject([
    { passed: false },
  ]);
});

test('where there is nothing to try it with, nothing is said to be isolated', async () => {
  expect(await isolation(machine({}), signal)).toEqual([]);
  expect(await isolation(machine({ bash: { code: 127 } }), signal)).toEqual([]);
});

test('that a name is not found proves nothing of an address', async () => {
  expect(await isolation(machine({ bash: { code: 127 }, getent: { code: 2 } }), signal)).toEqual([]);
  expect(await isolation(machine({ getent: { code: 0 } }), signal)).toMatchObject([{ passed: false }]);
});
