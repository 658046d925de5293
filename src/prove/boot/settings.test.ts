/** What a starting system goes by besides a menu: kernel images with a command line of their own, what is resumed from, what LVM sees. */
import { expect, test } from 'vitest';
import { proven, without } from '../../../test/helpers/broken-system.ts';
import { biosSystem, ids, type MadeSystem, systemdBootSystem, writeSystem } from '../../../test/helpers/made-system.ts';
import type { Layout } from '../../layout/types.ts';

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
