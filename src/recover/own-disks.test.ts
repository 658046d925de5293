import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { smallDisk as disk, smallPlan } from '../../test/helpers/small-plan.ts';
import type { Component } from '../layout/types.ts';
import { ownDisks } from './own-disks.ts';

test('where nothing is built anew only disks that the system stands on are its own', () => {
  const more: Component[] = [
    { kind: 'table', id: 'table:B', on: ['disk:B'], type: 'gpt' },
    { kind: 'partition', id: 'partition:2', on: ['table:B'], device: '', number: 1, sizeBytes: 1 },
    { kind: 'ext', id: 'ext:2', on: ['partition:2'], type: 'ext4', sizeBytes: 1 },
    mount('/', { on: ['ext:2'] }),
  ];
  const layout = layoutOf(disk('disk:A'), disk('disk:B'), ...more);
  expect(ownDisks(smallPlan([], layout))).toEqual(['disk:B']);
  expect(ownDisks(smallPlan(['disk:A'], layout))).toEqual(['disk:A']);
});
