import { expect, test } from 'vitest';
import { linksOf, openOf } from './observe.ts';

test('a process that has just ended is in no namespace of its own', () => {
  const links = ['/proc/7/ns/pid\tpid:[1]', '/proc/7/fd/0\t/dev/null', '/proc/8/ns/pid\t', '/proc/8/fd/0\t', ''].join(
    '\0',
  );
  expect(linksOf(links, 7)).toEqual({ namespaces: new Map([['pid', 'pid:[1]']]), files: new Map([[0, '/dev/null']]) });
  expect(linksOf(links, 8)).toEqual({ namespaces: new Map(), files: new Map() });
});

test('what is told of open files: their mount, and whether an eventfd is a semaphore', () => {
  const open = new Map([
    ['/proc/7/fdinfo/3', 'mnt_id:\t16\neventfd-semaphore: 1'],
    ['/proc/7/fdinfo/4', 'mnt_id:\t16\neventfd-semaphore: 0'],
    ['/proc/8/fdinfo/5', 'mnt_id:\t17\neventfd-semaphore: 1'],
  ]);
  expect(openOf(open, 7)).toEqual({
    mountOf: new Map([
      [3, 16],
      [4, 16],
    ]),
    semaphores: new Set([3]),
    watches: [],
  });
});
