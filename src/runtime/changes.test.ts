import { expect, test } from 'vitest';
import { parseDiff as parseDocker } from './docker/changes.ts';
import { parseDiff as parsePodman } from './podman/changes.ts';

test('what podman tells', () => {
  expect(parsePodman('{"changed":["/etc"],"added":["/etc/new"],"deleted":["/bin/gone"]}')).toEqual([
    { path: '/bin/gone', change: 'deleted' },
    { path: '/etc', change: 'modified' },
    { path: '/etc/new', change: 'added' },
  ]);
  expect(parsePodman('{}')).toEqual([]);
});

test('what docker tells', () => {
  expect(parseDocker('C /etc\nA /etc/a name\nD /bin/gone\n')).toEqual([
    { path: '/bin/gone', change: 'deleted' },
    { path: '/etc', change: 'modified' },
    { path: '/etc/a name', change: 'added' },
  ]);
  expect(() => parseDocker('Error: no such container\n')).toThrow('not a list');
});
