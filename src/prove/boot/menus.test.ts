/** Menus of loaders: what their entries start, and which of them has to be right. */
import { readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Break, edited, otherUuid, proven, textsOf, without } from '../../../test/helpers/broken-system.ts';
import { biosSystem, ids, type MadeSystem, systemdBootSystem, uefiSystem } from '../../../test/helpers/made-system.ts';

test.each<[what: string, system: () => MadeSystem, break_: Break, problem: RegExp]>([
  [
    'no configuration',
    biosSystem,
    { files: (root) => rmSync(join(root, 'boot/grub/grub.cfg')) },
    /its configuration is not there/,
  ],
  [
    'a kernel that is not there',
    biosSystem,
    { files: (root) => rmSync(join(root, 'boot/vmlinuz-6.1.0-41-amd64')) },
    /GRUB "Debian GNU\/Linux".*there is no kernel \/boot\/vmlinuz-6\.1\.0-41-amd64/,
  ],
  [
    'an empty kernel',
    biosSystem,
    { files: (root) => truncateSync(join(root, 'boot/vmlinuz-6.1.0-41-amd64'), 0) },
    /is no kernel/,
  ],
  [
    'a file of zeros for a kernel',
    biosSystem,
    { files: (root) => writeFileSync(join(root, 'boot/vmlinuz-6.1.0-41-amd64'), Buffer.alloc(100_000)) },
    /is no kernel/,
  ],
  [
    'no initial filesystem',
    biosSystem,
    { files: (root) => rmSync(join(root, 'boot/initrd.img-6.1.0-41-amd64')) },
    /there is no initial filesystem/,
  ],
  [
    'text for an initial filesystem',
    biosSystem,
    { files: (root) => writeFileSync(join(root, 'boot/initrd.img-6.1.0-41-amd64'), 'this is not one, is it?') },
    /is no initial filesystem/,
  ],
  [
    'no modules of the kernel',
    biosSystem,
    { files: (root) => rmSync(join(root, 'usr/lib/modules'), { recursive: true }) },
    /there are no modules for the kernel 6\.1\.0-41-amd64/,
  ],
  [
    'root= that names what is not there',
    biosSystem,
    { files: edited('boot/grub/grub.cfg', `root=UUID=${ids.root}`, `root=UUID=${otherUuid}`) },
    new RegExp(`root= names UUID=${otherUuid}, and there is no such device`),
  ],
  [
    'root= that names another filesystem',
    biosSystem,
    { files: edited('boot/grub/grub.cfg', `root=UUID=${ids.root}`, `root=UUID=${ids.swap}`) },
    /and that is not the filesystem of \//,
  ],
  [
    'no root=',
    biosSystem,
    { files: edited('boot/grub/grub.cfg', `root=UUID=${ids.root}`, '') },
    /names no root filesystem/,
  ],
  [
    'resume= that names a swap that was not made again',
    biosSystem,
    { files: edited('boot/grub/grub.cfg', 'quiet', `quiet resume=UUID=${ids.swap}`), now: without('swap') },
    /resume= names/,
  ],
  [
    'a search for a filesystem that was made with another UUID',
    biosSystem,
    {
      now: (layout) => ({
        ...layout,
        components: layout.components.map((one) => (one.kind === 'ext' ? { ...one, uuid: otherUuid } : one)),
      }),
    },
    /it searches for UUID=.*and there is no such device/,
  ],
  [
    'a GRUB that looks for its menu on a filesystem that is gone',
    uefiSystem,
    { files: edited('boot/efi/EFI/debian/grub.cfg', ids.boot, otherUuid) },
    /grub\.cfg searches for UUID=99999999/,
  ],
  [
    'a GRUB that looks for its menu at another place',
    uefiSystem,
    { files: edited('boot/efi/EFI/debian/grub.cfg', "'/grub'", "'/boot/grub'") },
    /goes on with \/boot\/grub\/grub\.cfg, which is not there/,
  ],
  [
    'no entry for systemd-boot',
    systemdBootSystem,
    { files: (root) => rmSync(join(root, 'efi/loader/entries'), { recursive: true }) },
    /systemd-boot.*its configuration is not there/,
  ],
  [
    'an entry that names a kernel that is not there',
    systemdBootSystem,
    { files: (root) => renameSync(join(root, 'efi/0123456789abcdef'), join(root, 'efi/fedcba')) },
    /there is no kernel/,
  ],
  [
    'an entry that names a partition that is gone',
    systemdBootSystem,
    {
      now: (layout) => ({
        ...layout,
        components: layout.components.map((one) =>
          one.kind === 'partition' && one.number === 2 ? { ...one, partUuid: otherUuid } : one,
        ),
      }),
    },
    /root= names PARTUUID=.*and there is no such device/,
  ],
])('%s', async (_, system, break_, problem) => {
  const { boot } = await proven(system(), break_);
  expect(textsOf(boot)).toContainEqual(expect.stringMatching(problem));
});

test('an old entry that starts nothing any more is told, and keeps nothing from starting', async () => {
  const old = (root: string) => {
    const file = join(root, 'boot/grub/grub.cfg');
    writeFileSync(
      file,
      `${readFileSync(file, 'utf8')}\nmenuentry 'Old' {\n linux /boot/vmlinuz-5.10 root=UUID=${ids.root}\n}\n`,
    );
  };
  const { boot } = await proven(biosSystem(), { files: old });
  expect(boot.findings).toEqual([]);
  expect(boot.notes.join('\n')).toMatch(/GRUB "Old": there is no kernel \/boot\/vmlinuz-5\.10/);
});

test('an entry that was chosen is the one that has to be right', async () => {
  const chosen = (root: string) => {
    const file = join(root, 'boot/grub/grub.cfg');
    const text = readFileSync(file, 'utf8').replace('set default="0"', 'set default="${saved_entry}"');
    writeFileSync(file, `${text}\nmenuentry 'Other' --id other {\n linux /boot/vmlinuz-9 root=UUID=${ids.root}\n}\n`);
    writeFileSync(join(root, 'boot/grub/grubenv'), '# GRUB Environment Block\nsaved_entry=other\n####');
  };
  const { boot } = await proven(biosSystem(), { files: chosen });
  expect(boot.findings).toEqual([expect.objectContaining({ subject: expect.stringContaining('GRUB "Other"') })]);
});
