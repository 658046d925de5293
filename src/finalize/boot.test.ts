/** How machines that really started are made to start again: boot sectors, entries of the firmware. */
import { describe, expect, test } from 'vitest';
import { bootMachine, type BootMachine } from '../../test/helpers/boot-machines.ts';
import { finished as finishedOn, rebuiltOf, sceneOf } from '../../test/helpers/finish-scene.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from '../layout/capture.ts';
import type { Component, Layout } from '../layout/types.ts';
import type { Scene } from './scene.ts';

const { signal } = new AbortController();
const layoutOf = async (name: BootMachine): Promise<Layout> =>
  await captureLayout(recordedHost(bootMachine(name)), new Date('2026-11-21T12:00:00Z'), signal);

/** Its disk with GRUB alone. */
const oneDisk = async (): Promise<Layout> => {
  const layout = await layoutOf('debian12-bios');
  const other = /00:0[34]\.0|1b2c3d4|c23659e2|mount:\/boot\/ext|extlinux/;
  return { ...layout, components: layout.components.filter(({ id }) => !other.test(id)) };
};

/** Whose initial filesystem came back. */
const initial = { '/boot/initrd.img-6.1.0-56-cloud-amd64': '' };
const programs = {
  '/usr/sbin/grub-install': '',
  '/usr/lib/grub/i386-pc/grub-bios-setup': '',
  '/usr/lib/grub/i386-pc/boot.img': '',
};
/** As long as what is on the first disk. */
const images = { '/boot/grub/i386-pc/boot.img': '', '/boot/grub/i386-pc/core.img': 'x'.repeat(53 * 512 - 100) };
const efi = {
  '/boot/efi/EFI/debian/shimx64.efi': 'shim',
  '/boot/efi/EFI/debian/grubx64.efi': 'grub',
  '/boot/efi/EFI/debian/mmx64.efi': 'keys',
};
const noEntries =
  'BootCurrent: 0001\nTimeout: 0 seconds\nBootOrder: 0000,0001\nBoot0000* UiApp\tFvVol(7cb8bdc9)\nBoot0001* CD\tPciRoot(0x0)\n';
const own = 'HD(2,GPT,0b0f1a4e-0002-4000-8000-000000000a02,0x1000,0x32000)/\\EFI\\debian\\shimx64.efi';

const finished: typeof finishedOn = (scene, files, answers) => finishedOn(scene, { ...initial, ...files }, answers);

/** Other disks, on which all has its place but some have another name. */
const moved = (layout: Layout, change: (one: Component) => Component): Layout =>
  rebuiltOf(layout, (one) => [change(one)]);

describe('GRUB for BIOS', () => {
  test('two disks with images of their own: nobody knows whose the one is that is left, so both are made anew', async () => {
    const scene = sceneOf(await layoutOf('debian12-bios'));
    const { ran, changed, findings } = await finished(scene, { ...programs, ...images });
    expect(ran.filter((line) => !line.startsWith('rescue '))).toEqual([
      '/usr/sbin/grub-install --target=i386-pc --recheck --no-floppy /dev/vda',
      '/usr/sbin/grub-install --target=i386-pc --recheck --no-floppy /dev/vdc',
    ]);
    expect(findings).toEqual([
      { subject: 'boot sectors', problem: expect.stringContaining('no program for extlinux') },
    ]);
    expect(changed).toContain('/boot/grub/i386-pc');
  });

  test('other code is written as it was recorded, and extlinux by its own program', async () => {
    const scene = sceneOf(await layoutOf('debian12-bios'));
    const { ran } = await finished(scene, { ...programs, ...images, '/usr/bin/extlinux': '' });
    expect(ran.slice(-2)).toEqual([
      'rescue dd of=/dev/vdb bs=440 count=1 iflag=fullblock conv=nocreat,notrunc,fsync status=none',
      '/usr/bin/extlinux --install /boot/ext/extlinux',
    ]);
  });

  test('one disk alone: no file is another', async () => {
    const { ran, changed } = await finished(sceneOf(await oneDisk()), { ...programs, ...images });
    expect(ran).toEqual([expect.stringMatching(/grub-bios-setup .* \/dev\/vda$/)]);
    expect(changed).toEqual([]);
  });

  test('where that fails it is made anew, which changes files', async () => {
    const captured = await oneDisk();
    const { ran, changed, done } = await finished(
      sceneOf(captured),
      { ...programs, ...images },
      {
        '/usr/lib/grub/i386-pc/grub-bios-setup': 1,
      },
    );
    expect(ran.filter((line) => line.includes('/dev/vda'))).toEqual([
      expect.stringMatching(/grub-bios-setup/),
      '/usr/sbin/grub-install --target=i386-pc --recheck --no-floppy /dev/vda',
    ]);
    expect(changed).toContain('/boot/grub/i386-pc');
    expect(done[0]).toContain('/dev/vda');
  });

  test('a disk by another name gets it there; another number of the partition needs another image', async () => {
    const captured = await oneDisk();
    const renamed = moved(captured, (one) =>
      one.kind === 'disk' && one.device === '/dev/vda' ? { ...one, device: '/dev/nvme0n1' } : one,
    );
    const { ran } = await finished(sceneOf(captured, { layout: renamed }), { ...programs, ...images });
    expect(ran[0]).toMatch(/grub-bios-setup .* \/dev\/nvme0n1$/);
    const numbered = moved(captured, (one) =>
      one.kind === 'partition' && one.number === 3 ? { ...one, number: 4 } : one,
    );
    const other = await finished(sceneOf(captured, { layout: numbered }), { ...programs, ...images });
    expect(other.ran[0]).toBe('/usr/sbin/grub-install --target=i386-pc --recheck --no-floppy /dev/vda');
  });

  test('a system without it cannot start by BIOS, which is said before anything is done', async () => {
    const captured = await oneDisk();
    await expect(finished(sceneOf(captured), {})).rejects.toThrow('no GRUB for BIOS to put on /dev/vda');
    // Started by UEFI, it is only told of.
    const { findings } = await finished(sceneOf(captured, { firmware: 'uefi' }), efi, {
      'rescue efibootmgr -v': noEntries,
    });
    expect(findings).toEqual([expect.objectContaining({ problem: expect.stringContaining('no programs for it') })]);
  });
});

describe('entries of the firmware', () => {
  const uefi = async (more: Partial<Scene> = {}) =>
    sceneOf(await layoutOf('debian13-secure-boot'), { firmware: 'uefi', ...more });

  test('a firmware that knows the system is left alone', async () => {
    const known = noEntries.replace('0000,0001', '0003,0000,0001').concat(`Boot0003* debian\t${own}\n`);
    const { deeds, changed } = await finished(await uefi(), efi, { 'rescue efibootmgr -v': known });
    expect(deeds).toEqual([]);
    expect(changed).toEqual([]);
  });

  test('one that does not is told, and the loader lies where it looks by itself', async () => {
    const { ran, changed } = await finished(await uefi(), efi, { 'rescue efibootmgr -v': noEntries });
    expect(ran).toEqual([
      'rescue efibootmgr --quiet --create-only --bootnum 0002 --disk /dev/vda --part 2 --label debian --loader \\EFI\\debian\\shimx64.efi',
      'rescue efibootmgr --quiet --bootorder 0002,0000,0001',
    ]);
    expect(changed).toEqual(['/boot/efi/EFI/BOOT']);
  });

  test('twice the same entry, and one of a partition that is gone', async () => {
    const captured = await layoutOf('debian13-secure-boot');
    const other = '0b0f1a4e-0009-4000-8000-000000000a09';
    const layout = moved(captured, (one) =>
      one.kind === 'partition' && one.number === 2 ? { ...one, partUuid: other } : one,
    );
    const known = noEntries
      .replace('0000,0001', '0003,0000,0001,0004,0005')
      .concat(
        `Boot0003* debian\t${own}\nBoot0004* debian\t${own.replace(/0b0f1a4e[^,]*/, other)}\nBoot0005* debian\t${own.replace(/0b0f1a4e[^,]*/, other)}\n`,
      );
    const { ran } = await finished(
      await uefi({ layout }),
      { ...efi, '/boot/efi/EFI/BOOT/BOOTX64.EFI': '' },
      { 'rescue efibootmgr -v': known },
    );
    expect(ran).toEqual([
      'rescue efibootmgr --quiet --bootnum 0005 --delete-bootnum',
      'rescue efibootmgr --quiet --bootnum 0003 --delete-bootnum',
      'rescue efibootmgr --quiet --bootorder 0004,0000,0001',
    ]);
    // Its disk was pulled out, to survive: no other took its place.
    const kept = await finished(
      await uefi({ layout, lost: [] }),
      { ...efi, '/boot/efi/EFI/BOOT/BOOTX64.EFI': '' },
      { 'rescue efibootmgr -v': known },
    );
    expect(kept.ran).toEqual([
      'rescue efibootmgr --quiet --bootnum 0005 --delete-bootnum',
      'rescue efibootmgr --quiet --bootorder 0004,0003,0000,0001',
    ]);
  });

  test('a kernel that the firmware starts gets its command line', async () => {
    const { ran } = await finished(
      await uefi(),
      { ...efi, '/boot/efi/vmlinuz-linux': '' },
      { 'rescue efibootmgr -v': noEntries },
    );
    expect(ran[1]).toBe(
      'rescue efibootmgr --quiet --create-only --bootnum 0003 --disk /dev/vda --part 2 --label Linux (stub) --loader \\vmlinuz-linux' +
        ' --unicode root=UUID=3c1b7a52-90de-4c1f-8b7e-5d2a64b0c101 rw initrd=\\initramfs-linux.img',
    );
  });

  test('a firmware that cannot be told: by the file that it tries by itself, or not at all', async () => {
    const { findings, done } = await finished(await uefi(), efi, { 'rescue efibootmgr -v': 1 });
    expect(findings).toEqual([expect.objectContaining({ subject: 'boot entries of the firmware' })]);
    expect(done).toEqual(['copy the loader to /boot/efi/EFI/BOOT/BOOTX64.EFI']);
    await expect(finished(await uefi(), {}, { 'rescue efibootmgr -v': 1 })).rejects.toThrow(
      'no loader that UEFI could start',
    );
  });
});

describe('an EFI system partition that came back empty', () => {
  const kernel = '/boot/vmlinuz-6.1.0-56-cloud-amd64';
  const removeFallback = { 'rescue efibootmgr -v': noEntries };

  test('systemd-boot is installed with its kernels, and the firmware told of it', async () => {
    const layout = await layoutOf('debian11-systemd-boot');
    const lost = layout.components.map(
      (one): Component =>
        one.kind === 'boot' && one.kernels !== undefined
          ? { ...one, kernels: { installed: one.kernels.installed.filter(({ image }) => image === kernel) } }
          : one,
    );
    const scene = sceneOf({ ...layout, components: lost }, { firmware: 'uefi' });
    const tools = { '/usr/bin/bootctl': '', '/usr/bin/kernel-install': '', [kernel]: '' };
    const { ran, changed } = await finished(scene, tools, removeFallback);
    expect(ran.slice(0, 2)).toEqual([
      '/usr/bin/bootctl --esp-path=/boot/efi --no-variables install',
      `/usr/bin/kernel-install add 6.1.0-56-cloud-amd64 ${kernel}`,
    ]);
    expect(ran).toContainEqual(expect.stringMatching(/efibootmgr .*--loader \\EFI\\systemd\\systemd-bootx64\.efi$/));
    expect(changed).toContain('/boot/efi');
  });

  test('GRUB is installed, by way of shim where that is there', async () => {
    const scene = sceneOf(await layoutOf('debian13-secure-boot'), { firmware: 'uefi' });
    const tools = { '/usr/sbin/grub-install': '', '/usr/lib/grub/x86_64-efi/moddep.lst': '' };
    const plain = await finished(scene, tools, removeFallback);
    expect(plain.ran[0]).toBe(
      '/usr/sbin/grub-install --target=x86_64-efi --efi-directory=/boot/efi --bootloader-id=debian --no-nvram',
    );
    expect(plain.ran).toContainEqual(expect.stringMatching(/--loader \\EFI\\debian\\grubx64\.efi$/));
    const signed = {
      ...tools,
      '/usr/lib/shim/shimx64.efi.signed': '',
      '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': '',
    };
    const shim = await finished(scene, signed, removeFallback);
    expect(shim.ran).toContainEqual(expect.stringMatching(/--loader \\EFI\\debian\\shimx64\.efi$/));
  });
});

test('unified kernel images are made anew where what they carry is another', async () => {
  const captured = await layoutOf('debian13-secure-boot');
  const uki: Component = {
    kind: 'loader',
    id: 'loader:uki:1:/EFI/Linux',
    on: ['partition:0b0f1a4e-0002-4000-8000-000000000a02'],
    type: 'uki',
    path: '/EFI/Linux',
    config: [],
    binaries: [],
    entries: [],
  };
  const unified = { ...captured, components: [...captured.components, uki] };
  const swap: Component = {
    kind: 'swap',
    id: 'swap:5',
    on: ['partition:0b0f1a4e-0001-4000-8000-000000000a01'],
    uuid: '5',
    sizeBytes: 1,
    active: true,
  };
  const slept = { ...unified, components: [...unified.components, swap] };
  const files = {
    '/etc/kernel/cmdline': 'root=UUID=3c1b7a52-90de-4c1f-8b7e-5d2a64b0c101 resume=UUID=5\n',
    '/boot/efi/EFI/Linux/debian.efi': '',
    '/usr/bin/kernel-install': '',
    '/lib/modules/6.1.0-56-cloud-amd64/vmlinuz': '',
  };
  const answers = { 'rescue efibootmgr -v': noEntries };
  const same = await finished(sceneOf(unified, { firmware: 'uefi' }), files, answers);
  expect(same.ran.every((line) => line.startsWith('rescue efibootmgr'))).toBe(true);
  const other = await finished(sceneOf(slept, { firmware: 'uefi', layout: rebuiltOf(unified) }), files, answers);
  expect(other.ran[0]).toBe(
    '/usr/bin/kernel-install add 6.1.0-56-cloud-amd64 /lib/modules/6.1.0-56-cloud-amd64/vmlinuz',
  );
  expect(other.changed).toEqual(expect.arrayContaining(['/boot/efi/EFI/Linux', '/etc/kernel/cmdline']));
});
