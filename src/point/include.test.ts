import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { includedPaths, notMounted } from './include.ts';

const layout = layoutOf(
  mount('/'),
  mount('/home'),
  mount('/home/ann'),
  mount('/srv', { mounted: false }),
  mount('/old', { hidden: true }),
  mount('/net', { category: 'network' }),
  mount('/homestead'),
);

test.each<[string[], 'none' | 'local' | string[], string[]]>([
  [['/'], 'none', ['/']],
  [['/'], 'local', ['/', '/home', '/home/ann', '/homestead']],
  [['/home/'], 'local', ['/home/', '/home', '/home/ann']],
  [['/etc'], 'local', ['/etc']],
  [['/'], ['/net/', '/srv', '/old'], ['/', '/net']],
  [['/etc'], ['/home'], ['/etc']],
])('include %j, crossMounts %j', (include, crossMounts, expected) => {
  expect(includedPaths({ include, crossMounts }, layout)).toEqual(expected);
});

test('mounts that are named and not there, or not below what is included, are told', () => {
  expect(notMounted({ include: ['/'], crossMounts: ['/net', '/srv', '/nothing'] }, layout)).toEqual([
    '/srv',
    '/nothing',
  ]);
  expect(notMounted({ include: ['/etc'], crossMounts: ['/home'] }, layout)).toEqual(['/home']);
  expect(notMounted({ include: ['/'], crossMounts: 'local' }, layout)).toEqual([]);
});
