import { expect, test } from 'vitest';
import type { Component } from '../types.ts';
import { devicePath } from './paths.ts';
import { siteOf } from './site.ts';

const named = (name: string): Component => ({
  kind: 'luks',
  id: 'luks:1',
  on: ['disk:A'],
  uuid: '1',
  sizeBytes: 1 << 20,
  open: true,
  name,
});

test('a name is one within its directory, and leads to no other device', () => {
  expect(devicePath('luks:1', siteOf([named('a..b')]), new Map())).toBe('/dev/mapper/a..b');
  expect(() => devicePath('luks:1', siteOf([named('../sda')]), new Map())).toThrow('leads elsewhere');
});
