import { expect, test } from 'vitest';
import { layoutOf } from '../../test/helpers/small-layout.ts';
import { smallDisk, smallPlan } from '../../test/helpers/small-plan.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import type { Component } from '../layout/types.ts';
import { changedSince } from './going-on.ts';

const size = 4 << 20;
const disk: Component = { ...smallDisk('disk:S1', '/dev/x'), serial: 'S1' };
const filesystem = (id: string): Component => ({ kind: 'ext', id, on: [disk.id], type: 'ext4', sizeBytes: size });

test('a disk that is used as a whole has no room for a mark: what was made on it has to be there still', async ({
  signal,
}) => {
  await using local = localHost();
  const layout = layoutOf(disk, filesystem('ext:made'));
  const plan = smallPlan([disk.id], layout, { before: layoutOf(disk) });
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
