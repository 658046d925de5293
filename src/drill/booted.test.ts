import { expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { inOneBoot } from './booted.ts';

const { signal } = new AbortController();

test.for([
  [['one', 'one'], []],
  [['one', 'two'], [{ name: 'boot', passed: false }]],
] as const)('what is seen in the boots %s', async ([ids, wanted]) => {
  const left = [...ids];
  const never = (): never => {
    throw new Error('not asked for');
  };
  const host: Host = {
    name: 'machine',
    read: async () => Buffer.from(`${left.shift()}\n`),
    run: never,
    stream: never,
    write: never,
    [Symbol.asyncDispose]: async () => {},
  };
  let looked = 0;
  expect(await inOneBoot(host, async () => void (looked += 1), signal)).toMatchObject(wanted);
  expect(looked).toBe(1);
});
