/** Recorded machines as plans see their disks. */
import { expect, test } from 'vitest';
import { debian12Machines, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import { parseLayout } from '../types.ts';
import { sessionsIn, withWholeDisks } from './attached.ts';
import { siteOf } from './site.ts';

test.each(debian12Machines)('%s: nothing is below disks, and what stood on a map stands on a disk', async (name) => {
  const layout = await recordedLayout(name);
  const whole = withWholeDisks(layout);
  expect(parseLayout(whole)).toEqual(whole);
  expect(withWholeDisks(whole)).toEqual(whole);
  expect(whole.components.filter(({ kind }) => kind === 'multipath' || kind === 'iscsi')).toEqual([]);
  expect(whole.components.flatMap((one) => (one.kind === 'disk' ? one.on : []))).toEqual([]);
  const [before, after] = [siteOf(layout.components), siteOf(whole.components)];
  for (const { id, kind } of layout.components) {
    if (['disk', 'multipath', 'iscsi'].includes(kind) || before.disksUnder(id).length === 0) continue;
    expect(after.disksUnder(id), id).not.toHaveLength(0);
  }
});

test('two paths are one disk, with what they say of themselves, and the sessions behind it are told', async () => {
  const layout = await recordedLayout('iscsi-multipath.debian12');
  const disks = withWholeDisks(layout).components.flatMap((one) => (one.kind === 'disk' ? [one] : []));
  const map = disks.find(({ id }) => id.startsWith('multipath:'));
  expect(map).toMatchObject({ device: '/dev/mapper/mpatha', serial: 'beaf11', transport: 'iscsi' });
  expect(disks.filter(({ serial }) => serial === 'beaf11')).toHaveLength(1);
  expect(sessionsIn(layout)).toHaveLength(2);
});
