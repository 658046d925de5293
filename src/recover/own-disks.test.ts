import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { layoutOf, mount } from '../../test/helpers/small-layout.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { planFormat, type Plan } from '../layout/rebuild/document.ts';
import { markOf } from '../layout/rebuild/half-done.ts';
import { markContent, readMark } from '../layout/rebuild/mark.ts';
import type { Component, ComponentOf } from '../layout/types.ts';
import { markFilled, ownDisks } from './own-disks.ts';

const size = 4 << 20;
const disk = (id: string, device = ''): ComponentOf<'disk'> => ({
  kind: 'disk',
  id,
  on: [],
  device,
  sizeBytes: size,
  rotational: false,
  removable: false,
  readOnly: false,
});

function planOf(disks: readonly string[], ...components: Component[]): Plan {
  const layout = layoutOf(...components);
  const about = { device: '', sizeBytes: size, blank: true, certainty: 'same' as const, score: 0 };
  return {
    format: planFormat,
    of: 'machine',
    disks: disks.map((id) => ({ id, from: id, ...about, reasons: [], destroys: [] })),
    untouched: [],
    before: layout,
    layout,
    fates: { old: [], new: [] },
    actions: [],
    notes: [],
  };
}

test.each([
  ['uefi', true],
  ['bios', false],
] as const)('filled, before it is finished, for a machine that starts by %s', async (firmware, is) => {
  const { signal } = new AbortController();
  await using place = await temporaryDirectory();
  await using host = localHost();
  const own = disk('disk:A', join(place.path, 'disk'));
  const plan = planOf([own.id], own);
  await writeFile(own.device, '');
  await truncate(own.device, size);
  {
    await using file = await open(own.device, 'r+');
    const content = markContent(markOf(plan, own.id, new Date()));
    await file.write(content, 0, content.length, (1 << 20) - content.length);
  }
  await markFilled(plan, { firmware, layout: plan.layout }, host, signal, async () => await Promise.resolve([own]));
  expect((await readMark(host, own, signal))?.startable).toBe(is ? true : undefined);
});

test('where nothing is built anew only disks that the system stands on are its own', () => {
  const more: Component[] = [
    { kind: 'table', id: 'table:B', on: ['disk:B'], type: 'gpt' },
    { kind: 'partition', id: 'partition:2', on: ['table:B'], device: '', number: 1, sizeBytes: 1 },
    { kind: 'ext', id: 'ext:2', on: ['partition:2'], type: 'ext4', sizeBytes: 1 },
    mount('/', { on: ['ext:2'] }),
  ];
  expect(ownDisks(planOf([], disk('disk:A'), disk('disk:B'), ...more))).toEqual(['disk:B']);
  expect(ownDisks(planOf(['disk:A'], disk('disk:A'), disk('disk:B'), ...more))).toEqual(['disk:A']);
});
