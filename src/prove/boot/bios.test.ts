/** Boot sectors of a machine that is started by BIOS. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Break, proven, textsOf, without } from '../../../test/helpers/broken-system.ts';
import { biosSystem, type MadeSystem, uefiSystem } from '../../../test/helpers/made-system.ts';
import type { Layout } from '../../layout/types.ts';

test('code in a boot sector that nobody knows starts something too', async () => {
  const unknown = (layout: Layout): Layout => ({
    ...layout,
    components: layout.components.map((one) => (one.kind === 'loader' ? { ...one, type: 'other' } : one)),
  });
  const system = biosSystem();
  const request = { captured: unknown(system.layout('/')), firmware: 'bios' } as const;
  expect((await proven(system, { now: unknown, request })).boot.findings).toEqual([]);
  expect((await proven(system, { now: without('loader'), request })).boot.findings).toHaveLength(1);
});

test('that files are of another disk than they were captured on is no difference, when it has its code too', async () => {
  const disks = new Map([['disk:/dev/vda', 'disk:/dev/vda']]);
  expect((await proven(biosSystem(), { disks })).boot.findings).toEqual([]);
});

test.each<[what: string, system: () => MadeSystem, break_: Break, problem: RegExp]>([
  ['no boot sector', biosSystem, { now: without('loader') }, /nothing to start is in its boot sector/],
  [
    'a boot sector that leads nowhere',
    biosSystem,
    {
      now: (layout) => ({
        ...layout,
        components: layout.components.map((one) => (one.kind === 'loader' ? { ...one, core: { sector: 1 } } : one)),
      }),
    },
    /the rest of GRUB is not where/,
  ],
  [
    'no modules of GRUB',
    biosSystem,
    { files: (root) => rmSync(join(root, 'boot/grub/i386-pc'), { recursive: true }) },
    /its modules are not in/,
  ],
])('%s', async (_, system, break_, problem) => {
  const { boot } = await proven(system(), break_);
  expect(textsOf(boot)).toContainEqual(expect.stringMatching(problem));
});

test('a machine that was started by UEFI, and is by BIOS now, needs code in a boot sector', async () => {
  const { boot } = await proven(uefiSystem(), { request: { firmware: 'bios' } });
  expect(boot.findings).toContainEqual(expect.objectContaining({ subject: 'boot sector' }));
});
