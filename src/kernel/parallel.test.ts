import { expect, test } from 'vitest';
import { inParallel } from './parallel.ts';

test('results in the order of the items, never more at once than allowed', async () => {
  let now = 0;
  let most = 0;
  const work = async (item: number) => {
    now += 1;
    most = Math.max(most, now);
    for (let turn = 0; turn < (item * 7) % 5; turn += 1) await Promise.resolve();
    now -= 1;
    return item === 3 ? undefined : item * 2;
  };
  expect(await inParallel([1, 2, 3, 4, 5, 6, 7], 3, work)).toEqual([2, 4, undefined, 8, 10, 12, 14]);
  expect(most).toBe(3);
  expect(await inParallel([], 3, work)).toEqual([]);
  expect(await inParallel([1, 2], 0, work)).toEqual([2, 4]);
});

test('after an error nothing is begun, and what is under way ends first', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const slow = Promise.withResolvers<void>();
  const all = inParallel([1, 2, 3, 4], 2, async (item) => {
    begun.push(item);
    if (item === 1) throw new Error('one');
    await slow.promise;
    ended.push(item);
  });
  setImmediate(slow.resolve);
  await expect(all).rejects.toThrow('one');
  expect({ begun, ended }).toEqual({ begun: [1, 2], ended: [2] });
});
