import { expect, test } from 'vitest';
import { debian12Machines, recordedLayout } from '../../test/helpers/recorded-layouts.ts';
import { bootOrder } from './build.ts';

test.for(debian12Machines)('%s: every disk has its place, those with a loader before the others', async (name) => {
  const layout = await recordedLayout(name);
  const ids = layout.components.flatMap((one) => (one.kind === 'disk' ? [one.id] : []));
  expect(bootOrder(ids, layout).toSorted()).toEqual(ids.toSorted());
});

test('a disk with data comes after the one that starts the machine', async () => {
  const layout = await recordedLayout('lvm-plain.debian12').catch(
    async () => await recordedLayout(debian12Machines[0] ?? ''),
  );
  const disks = layout.components.flatMap((one) => (one.kind === 'disk' ? [one] : []));
  const [first] = disks;
  if (first === undefined) throw new Error('no disk');
  const data = { ...first, id: 'disk:DATA' };
  const loader = { kind: 'loader', id: 'loader:1', on: [first.id], type: 'grub-pc', binaries: [], entries: [] };
  const both = { ...layout, components: [data, first, loader] } as unknown as typeof layout;
  expect(bootOrder([data.id, first.id], both)).toEqual([first.id, data.id]);
});
