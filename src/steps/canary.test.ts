import { expect, test } from 'vitest';
import type { Component } from '../layout/types.ts';
import { isBackedUp } from './canary.ts';

const path = '/var/lib/lifeboat.canary.json';
const mount = (at: string, category = 'local', more: object = {}): Component =>
  ({ kind: 'mount', id: `mount:${at}`, on: [], path: at, mounted: true, category, ...more }) as unknown as Component;

const backup = { include: ['/'], crossMounts: 'none' as const, exclude: [] as string[] };

test.for([
  ['all on one filesystem', backup, [mount('/')], true],
  ['nothing known of mounts', backup, [], true],
  ['some files only', { ...backup, include: ['/etc', '/var'] }, [mount('/')], false],
  ['/var is another filesystem, and not followed', backup, [mount('/'), mount('/var')], false],
  ['/var is followed', { ...backup, crossMounts: 'local' as const }, [mount('/'), mount('/var')], true],
  ['/var is named', { ...backup, crossMounts: ['/var'] }, [mount('/'), mount('/var')], true],
  [
    '/var is on another machine',
    { ...backup, crossMounts: 'local' as const },
    [mount('/'), mount('/var', 'network')],
    false,
  ],
  ['what is mounted elsewhere', backup, [mount('/'), mount('/var/lib/lifeboat'), mount('/srv')], true],
  ['a pattern leaves it out', { ...backup, exclude: ['*.json'] }, [mount('/')], false],
  ['a pattern leaves out what it is in', { ...backup, exclude: ['/var/lib'] }, [mount('/')], false],
  ['a pattern leaves out others', { ...backup, exclude: ['/var/cache', '*.iso'] }, [mount('/')], true],
] as const)('%s', ([, how, components, wanted]) => {
  expect(isBackedUp(path, how, { components: [...components] })).toBe(wanted);
});
