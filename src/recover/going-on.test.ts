import { expect, test } from 'vitest';
import { layoutOf } from '../../test/helpers/small-layout.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import { planFormat, type Plan } from '../layout/rebuild/document.ts';
import type { Component } from '../layout/types.ts';
import { changedSince } from './going-on.ts';

const size = 4 << 20;
const rest = { rotational: false, removable: false, readOnly: false };
const disk: Component = {
  kind: 'disk',
  id: 'disk:S1',
  on: [],
  device: '/dev/x',
  serial: 'S1',
  sizeBytes: size,
  ...rest,
};
const filesystem = (id: string): Component => ({ kind: 'ext', id, on: [disk.id], type: 'ext4', sizeBytes: size });

test('a disk that is used as a whole has no room for a mark: what was made on it has to be there still', async ({
  signal,
}) => {
  await using local = localHost();
  const layout = layoutOf(disk, filesystem('ext:made'));
  const about = { device: '', sizeBytes: size, blank: true, certainty: 'same' as const, score: 0 };
  const plan: Plan = {
    format: planFormat,
    of: 'machine',
    disks: [{ id: disk.id, from: disk.id, ...about, reasons: [], destroys: [] }],
    untouched: [],
    before: layoutOf(disk),
    layout,
    fates: { old: [], new: [] },
    actions: [],
    notes: [],
  };
  const node = { name: 'x', path: '/dev/x', type: 'disk', serial: 'S1', wwn: null, model: null, size, ro: false };
  const host: Host = {
    ...local,
    run: async () => {
      const stdout = Buffer.from(JSON.stringify({ blockdevices: [{ ...node, mountpoint: null }] }));
      return await Promise.resolve({ code: 0, stdout, stderr: '' });
    },
  };
  const changed = async (isBuilt: boolean, ...found: Component[]) =>
    await changedSince(plan, isBuilt, host, signal, async () => await Promise.resolve(layoutOf(disk, ...found)));
  expect(await changed(true, filesystem('ext:made'))).toBeUndefined();
  expect(await changed(true, filesystem('ext:somebody'))).toContain('what is on the disk disk:S1 is not what was made');
  expect(await changed(true)).toContain('what is on the disk disk:S1');
  // Who goes on with that looks at it before writing.
  expect(await changed(false)).toBeUndefined();
});
