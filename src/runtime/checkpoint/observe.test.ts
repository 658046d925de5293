import { expect, test } from 'vitest';
import { linksOf } from './observe.ts';

test('a process that has just ended is in no namespace of its own', () => {
  const links = ['/proc/7/ns/pid\tpid:[1]', '/proc/7/fd/0\t/dev/null', '/proc/8/ns/pid\t', '/proc/8/fd/0\t', ''].join(
    '\0',
  );
  expect(linksOf(links, 7)).toEqual({ namespaces: new Map([['pid', 'pid:[1]']]), files: new Map([[0, '/dev/null']]) });
  expect(linksOf(links, 8)).toEqual({ namespaces: new Map(), files: new Map() });
});
