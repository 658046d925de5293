/** Systems that start, and what keeps them from it whatever the loader. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Break, edited, otherUuid, proven, textsOf } from '../../../test/helpers/broken-system.ts';
import {
  biosSystem,
  ids,
  type MadeSystem,
  systemdBootSystem,
  uefiSystem,
  writeSystem,
} from '../../../test/helpers/made-system.ts';

test.each<[string, () => MadeSystem]>([
  ['GRUB by BIOS, ext4 and swap', biosSystem],
  ['GRUB by UEFI, a /boot of its own, btrfs in a subvolume on LUKS', uefiSystem],
  ['systemd-boot by the path that firmware tries, with a swap file', systemdBootSystem],
])('%s', async (_, system) => {
  const { boot, mounts } = await proven(system());
  expect(boot.findings).toEqual([]);
  expect(mounts.findings).toEqual([]);
  expect(boot.notes.join('\n')).toMatch(/starts \/(boot|efi)\//);
});

test.each<[what: string, system: () => MadeSystem, break_: Break, problem: RegExp]>([
  [
    'no first program',
    biosSystem,
    { files: (root) => rmSync(join(root, 'usr/lib/systemd/systemd')) },
    /no first program/,
  ],
  [
    'an encrypted volume under another UUID than in crypttab',
    uefiSystem,
    { files: edited('etc/crypttab', ids.luks, otherUuid) },
    /root= names \/dev\/mapper\/vg0-root_crypt, and there is no such device/,
  ],
  [
    'the file of a key that is not there',
    uefiSystem,
    { files: (root) => rmSync(join(root, 'etc/keys/root.key')) },
    /the file of its key, \/etc\/keys\/root\.key, is not there/,
  ],
])('%s', async (_, system, break_, problem) => {
  const { boot } = await proven(system(), break_);
  expect(textsOf(boot)).toContainEqual(expect.stringMatching(problem));
});

test('links of the system lead to where they will lead, and never out of it', async () => {
  const outside = (root: string) => {
    rmSync(join(root, 'boot/grub/i386-pc'), { recursive: true });
    writeSystem(root, { files: { '/boot/grub/i386-pc': '->/etc' } });
  };
  // The machine that this runs on has an /etc; its files are not meant.
  expect((await proven(biosSystem(), { files: outside })).boot.findings).toHaveLength(1);
});
