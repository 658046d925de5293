/** What firmware of the kind UEFI starts, and what that needs beside it. */
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Break, otherUuid, proven, textsOf, without } from '../../../test/helpers/broken-system.ts';
import { ids, type MadeSystem, systemdBootSystem, uefiSystem, writeSystem } from '../../../test/helpers/made-system.ts';

test.each<[what: string, system: () => MadeSystem, break_: Break, problem: RegExp]>([
  [
    'no EFI system partition',
    uefiSystem,
    { now: without('mount', (one) => 'path' in one && String(one.path).endsWith('/boot/efi')) },
    /none is mounted/,
  ],
  [
    'an entry of the firmware that names a partition that is gone, and nothing at EFI/BOOT',
    uefiSystem,
    {
      now: (layout) => ({
        ...layout,
        components: layout.components.map((one) =>
          one.kind === 'partition' && one.partUuid === ids.espPart ? { ...one, partUuid: otherUuid } : one,
        ),
      }),
    },
    /no boot entry names a file that is on/,
  ],
  [
    'no shim',
    uefiSystem,
    { files: (root) => rmSync(join(root, 'boot/efi/EFI/debian/shimx64.efi')) },
    /no boot entry names a file/,
  ],
  [
    'shim without GRUB',
    uefiSystem,
    { files: (root) => rmSync(join(root, 'boot/efi/EFI/debian/grubx64.efi')) },
    /shim is there, and not what it starts/,
  ],
  [
    'a program for firmware that is none',
    systemdBootSystem,
    { files: (root) => truncateSync(join(root, 'efi/EFI/BOOT/BOOTX64.EFI'), 0) },
    /it is no program for firmware/,
  ],
])('%s', async (_, system, break_, problem) => {
  const { boot } = await proven(system(), break_);
  expect(textsOf(boot)).toContainEqual(expect.stringMatching(problem));
});

test('what firmware comes to first has to be right; what is left of others is told', async () => {
  const broken = (root: string) => writeSystem(root, { files: { '/boot/efi/EFI/BOOT/BOOTX64.EFI': 'nothing' } });
  const { boot } = await proven(uefiSystem(), { files: broken });
  expect(boot.findings).toEqual([]);
  expect(boot.notes).toContainEqual(expect.stringMatching(/BOOTX64\.EFI: it is no program for firmware/));
});
