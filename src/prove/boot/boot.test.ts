import { rmSync, truncateSync, writeFileSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  biosSystem,
  ids,
  type MadeSystem,
  systemdBootSystem,
  uefiSystem,
  writeSystem,
} from '../../../test/helpers/made-system.ts';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { localHost } from '../../host/local.ts';
import type { Layout } from '../../layout/types.ts';
import { proveMounts } from '../mounts.ts';
import { type SceneRequest, sceneOf } from '../scene.ts';
import type { Verdict } from '../verdict.ts';
import { proveBoot } from './boot.ts';

const { signal } = new AbortController();

interface Break {
  /** What somebody does to the recovered system. */
  readonly files?: (root: string) => void;
  /** Other machines than those that the system is of. */
  readonly now?: (layout: Layout) => Layout;
  readonly request?: Partial<SceneRequest>;
  readonly disks?: ReadonlyMap<string, string>;
}

async function proven(
  system: MadeSystem,
  { files, now, request, disks }: Break = {},
): Promise<{ boot: Verdict; mounts: Verdict }> {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  writeSystem(root, system);
  files?.(root);
  const here = system.layout(root);
  const captured = system.layout('/');
  const firmware = captured.components.some((one) => one.kind === 'loader' && one.type === 'grub-pc') ? 'bios' : 'uefi';
  const scene = await sceneOf(
    { root, layout: now?.(here) ?? here, captured, firmware, ...request },
    localHost(),
    signal,
  );
  return { boot: proveBoot(scene, disks ?? new Map()), mounts: proveMounts(scene) };
}

const edited = (path: string, from: string | RegExp, to: string) => (root: string) => {
  const file = join(root, path);
  const text = readFileSync(file, 'utf8');
  const changed = text.replaceAll(new RegExp(from, 'g'), to);
  if (changed === text) throw new Error(`nothing to edit in ${path}`);
  writeFileSync(file, changed);
};
const without =
  (kind: string, is: (one: Layout['components'][number]) => boolean = () => true) =>
  (layout: Layout): Layout => ({
    ...layout,
    components: layout.components.filter((one) => one.kind !== kind || !is(one)),
  });
/** With one kernel image that is a program, as ukify(1) lays it out. */
const unified = (line: string) => (): MadeSystem => {
  const { files, layout } = systemdBootSystem();
  const kept = Object.entries(files).filter(([path]) => !path.startsWith('/efi/loader/entries'));
  const image = Buffer.alloc(4096);
  image.write('MZ', 0, 'latin1');
  image.writeUInt32LE(0x80, 0x3c);
  image.write('PE\0\0', 0x80, 'latin1');
  const sections = [
    ['.cmdline', 1024, line],
    ['.linux', 2048, 'kernel'],
    ['.initrd', 3072, 'initrd'],
  ] as const;
  image.writeUInt16LE(sections.length, 0x86);
  image.writeUInt16LE(0xf0, 0x94);
  sections.forEach(([name, offset, content], index) => {
    const at = 0x80 + 24 + 0xf0 + 40 * index;
    image.write(name, at, 'latin1');
    image.writeUInt32LE(content.length, at + 8);
    image.writeUInt32LE(512, at + 16);
    image.writeUInt32LE(offset, at + 20);
    image.write(content, offset, 'latin1');
  });
  return { files: { ...Object.fromEntries(kept), '/efi/EFI/Linux/debian.efi': image }, layout };
};
const other = '99999999-9999-9999-9999-999999999999';

describe('systems that boot', () => {
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
});

describe('what keeps a machine from starting is found', () => {
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
      { files: edited('boot/grub/grub.cfg', `root=UUID=${ids.root}`, `root=UUID=${other}`) },
      new RegExp(`root= names UUID=${other}, and there is no such device`),
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
          components: layout.components.map((one) => (one.kind === 'ext' ? { ...one, uuid: other } : one)),
        }),
      },
      /it searches for UUID=.*and there is no such device/,
    ],
    [
      'no first program',
      biosSystem,
      { files: (root) => rmSync(join(root, 'usr/lib/systemd/systemd')) },
      /no first program/,
    ],
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
            one.kind === 'partition' && one.partUuid === ids.espPart ? { ...one, partUuid: other } : one,
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
      'a GRUB that looks for its menu on a filesystem that is gone',
      uefiSystem,
      { files: edited('boot/efi/EFI/debian/grub.cfg', ids.boot, other) },
      /grub\.cfg searches for UUID=99999999/,
    ],
    [
      'a GRUB that looks for its menu at another place',
      uefiSystem,
      { files: edited('boot/efi/EFI/debian/grub.cfg', "'/grub'", "'/boot/grub'") },
      /goes on with \/boot\/grub\/grub\.cfg, which is not there/,
    ],
    [
      'an encrypted volume under another UUID than in crypttab',
      uefiSystem,
      { files: edited('etc/crypttab', ids.luks, other) },
      /root= names \/dev\/mapper\/vg0-root_crypt, and there is no such device/,
    ],
    [
      'the file of a key that is not there',
      uefiSystem,
      { files: (root) => rmSync(join(root, 'etc/keys/root.key')) },
      /the file of its key, \/etc\/keys\/root\.key, is not there/,
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
      'a program for firmware that is none',
      systemdBootSystem,
      { files: (root) => truncateSync(join(root, 'efi/EFI/BOOT/BOOTX64.EFI'), 0) },
      /it is no program for firmware/,
    ],
    [
      'an entry that names a partition that is gone',
      systemdBootSystem,
      {
        now: (layout) => ({
          ...layout,
          components: layout.components.map((one) =>
            one.kind === 'partition' && one.number === 2 ? { ...one, partUuid: other } : one,
          ),
        }),
      },
      /root= names PARTUUID=.*and there is no such device/,
    ],
  ])('%s', async (_, system, break_, problem) => {
    const { boot } = await proven(system(), break_);
    expect(boot.findings.map(({ subject, problem: found }) => `${subject}: ${found}`)).toContainEqual(
      expect.stringMatching(problem),
    );
  });

  test.each<
    [what: string, system: () => MadeSystem, files: Record<string, string | Buffer>, problem: RegExp | undefined]
  >([
    [
      'a device to resume from that is gone',
      biosSystem,
      { '/etc/initramfs-tools/conf.d/resume': `RESUME=UUID=${ids.swap}\n` },
      undefined,
    ],
    [
      'a kernel image for firmware that names another root',
      unified(`root=UUID=${ids.esp} ro`),
      {},
      /that is not the filesystem of \//,
    ],
    ['one that names the right one', unified(`root=PARTUUID=${ids.rootPart} ro`), {}, undefined],
  ])('%s', async (_, system, files, problem) => {
    const { boot } = await proven(system(), { files: (root) => writeSystem(root, { files }) });
    const all = boot.findings.map(({ subject, problem: found }) => `${subject}: ${found}`);
    expect(all).toEqual(problem === undefined ? [] : [expect.stringMatching(problem)]);
  });

  test('a swap to resume from, and a physical volume, that nobody will find', async () => {
    const resume = { '/etc/initramfs-tools/conf.d/resume': `RESUME=UUID=${ids.swap}\n` };
    const gone = await proven(biosSystem(), {
      files: (root) => writeSystem(root, { files: resume }),
      now: without('swap'),
    });
    expect(gone.boot.findings).toContainEqual(expect.objectContaining({ problem: expect.stringContaining(ids.swap) }));
    const uuid = 'xF1nqO-PVT8-0F7x-uN6p-6WwJ-Tpx2-66kRbk';
    const onLvm = (layout: Layout): Layout => {
      const { components } = layout;
      const pv = { kind: 'pv', id: 'pv:1', on: ['partition:/dev/vda1'], uuid, sizeBytes: 1, startBytes: 1, extents: 1 };
      const lower = components.map((one) => (one.kind === 'ext' ? { ...one, on: ['pv:1'] } : one));
      return { ...layout, components: [...lower, pv as never] };
    };
    const list = (id: string) => ({
      '/etc/lvm/devices/system.devices': `VERSION=1.1.2\nIDTYPE=sys_wwid IDNAME=naa.5 DEVNAME=/dev/sda2 PVID=${id} PART=2\n`,
    });
    const right = list(uuid.replaceAll('-', ''));
    expect(
      (await proven(biosSystem(), { files: (root) => writeSystem(root, { files: right }), now: onLvm })).boot.findings,
    ).toEqual([]);
    const wrong = await proven(biosSystem(), {
      files: (root) => writeSystem(root, { files: list('a'.repeat(32)) }),
      now: onLvm,
    });
    expect(wrong.boot.findings).toMatchObject([{ subject: '/etc/lvm/devices/system.devices' }]);
  });

  test('what firmware comes to first has to be right; what is left of others is told', async () => {
    const broken = (root: string) => writeSystem(root, { files: { '/boot/efi/EFI/BOOT/BOOTX64.EFI': 'nothing' } });
    const { boot } = await proven(uefiSystem(), { files: broken });
    expect(boot.findings).toEqual([]);
    expect(boot.notes).toContainEqual(expect.stringMatching(/BOOTX64\.EFI: it is no program for firmware/));
  });

  test('a machine that was started by UEFI, and is by BIOS now, needs code in a boot sector', async () => {
    const { boot } = await proven(uefiSystem(), { request: { firmware: 'bios' } });
    expect(boot.findings).toContainEqual(expect.objectContaining({ subject: 'boot sector' }));
  });
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

describe('what it would mount', () => {
  test.each<[what: string, system: () => MadeSystem, break_: Break, problem: RegExp]>([
    [
      'a UUID that is not here any more',
      biosSystem,
      {
        now: (layout) => ({
          ...layout,
          components: layout.components.map((one) => (one.kind === 'ext' ? { ...one, uuid: other } : one)),
        }),
      },
      /^\/ \(UUID=6f.*there is no such device/,
    ],
    [
      'what is not mounted',
      uefiSystem,
      { now: without('mount', (one) => 'path' in one && String(one.path).endsWith('/boot')) },
      /\/boot \(UUID=.*it is not mounted/,
    ],
    [
      'another filesystem at its place',
      uefiSystem,
      { files: edited('etc/fstab', `UUID=${ids.boot} /boot `, `UUID=${ids.esp} /boot `) },
      /what is mounted there is another/,
    ],
    [
      'another type',
      uefiSystem,
      { files: edited('etc/fstab', 'ext4 defaults', 'xfs defaults') },
      /it says xfs, and what is there is ext4/,
    ],
    [
      'another subvolume',
      uefiSystem,
      { files: edited('etc/fstab', 'subvol=@', 'subvol=@old') },
      /asks for the subvolume @old, and @ is mounted/,
    ],
    [
      'a subvolume by a number that it has not got',
      uefiSystem,
      { files: edited('etc/fstab', 'subvol=@', 'subvolid=300') },
      /the number 300, and @ has 256/,
    ],
    ['a swap that is not there', biosSystem, { now: without('swap') }, /swap \(UUID=.*there is no such device/],
    [
      'a file that is no swap',
      systemdBootSystem,
      { files: (root) => writeFileSync(join(root, 'swapfile'), Buffer.alloc(8192)) },
      /it is no swap file/,
    ],
    [
      'nothing to show at another place',
      biosSystem,
      { files: edited('etc/fstab', '$', '\n/data/www /home none bind 0 0\n') },
      /what it shows at another place is not there/,
    ],
  ])('%s', async (_, system, break_, problem) => {
    const { mounts } = await proven(system(), break_);
    expect(mounts.findings.map(({ subject, problem: found }) => `${subject}: ${found}`)).toContainEqual(
      expect.stringMatching(problem),
    );
  });

  test('what the system starts without is told, what led nowhere before too, and is no fault', async () => {
    const { mounts } = await proven(uefiSystem());
    expect(mounts.findings).toEqual([]);
    expect(mounts.notes.join('\n')).toMatch(
      /\/srv\/stick \(LABEL=nowhere\): there is no such device; the system starts without it/,
    );
    expect(mounts.notes.join('\n')).toMatch(/\/srv\/nfs .*a network filesystem/);
    const unknown = await proven(biosSystem(), {
      files: edited('etc/fstab', '$', `\nUUID=${other} /srv ext4 defaults 0 0\n`),
    });
    expect(unknown.mounts.findings).toEqual([]);
    expect(unknown.mounts.notes.join('\n')).toMatch(/as it was when the point was made/);
  });

  test('links of the system lead to where they will lead, and never out of it', async () => {
    const outside = (root: string) => {
      rmSync(join(root, 'boot/grub/i386-pc'), { recursive: true });
      writeSystem(root, { files: { '/boot/grub/i386-pc': '->/etc' } });
    };
    // The machine that this runs on has an /etc; its files are not meant.
    expect((await proven(biosSystem(), { files: outside })).boot.findings).toHaveLength(1);
  });
});
