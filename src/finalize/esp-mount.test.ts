/** A system that looks into its EFI system partition only when it needs to, so that it was not mounted when it was captured. */
import { expect, test } from 'vitest';
import { bootMachine } from '../../test/helpers/boot-machines.ts';
import { finished, sceneOf } from '../../test/helpers/finish-scene.ts';
import { restoredRoot } from '../../test/helpers/restored-root.ts';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from '../layout/capture.ts';
import type { Component, Layout } from '../layout/types.ts';
import { withEsp } from './esp-mount.ts';
import type { Scene } from './scene.ts';

const { signal } = new AbortController();
const recorded = await captureLayout(
  recordedHost(bootMachine('debian13-secure-boot')),
  new Date('2026-11-21T12:00:00Z'),
  signal,
);
const line = { spec: 'UUID=1A2B-3C4D', type: 'vfat', options: 'noauto,umask=0077', dump: 0, pass: 1 };
/** With the line in fstab or without. */
const unmounted = (hasLine: boolean, layout = recorded): Layout => ({
  ...layout,
  components: layout.components.flatMap((one): Component[] => {
    if (one.kind === 'loader') return [];
    if (one.kind !== 'mount' || one.path !== '/boot/efi') return [one];
    return hasLine ? [{ ...one, mounted: false, fstab: line }] : [];
  }),
});
const scene = (captured: Layout): Scene => sceneOf(captured, { firmware: 'uefi' });
const initial = { '/boot/initrd.img-6.1.0-56-cloud-amd64': '' };
const grub = { '/usr/sbin/grub-install': '', '/usr/lib/grub/x86_64-efi/moddep.lst': '' };
const answers = {
  'rescue efibootmgr -v': 'BootOrder: 0000\nBoot0000* UiApp\tFvVol(7cb8bdc9)\n',
  'rescue mountpoint': 1,
};

/** What was run to mount it, and what finishing does then. */
async function started(captured: Layout, more: Readonly<Record<string, string>>) {
  const given = scene(captured);
  const files = { ...initial, ...('/usr/bin/bootctl' in more ? {} : grub), ...more };
  await using root = await restoredRoot(files, answers);
  const { layout } = await withEsp(given, root.host, signal);
  const mounts = root.ran.filter((line) => line.includes(' mount '));
  return { mounts, finish: async () => await finished({ ...given, layout }, files, answers) };
}

test.each([
  ['where fstab says', true, { '/efi/': '' }, '/boot/efi'],
  ['where systemd does', false, { '/efi/': '', '/boot/efi/': '' }, '/efi'],
  ['where it was put by hand', false, { '/efi/README': '', '/boot/efi/': '' }, '/boot/efi'],
])('it is mounted %s, and a loader put there', async (_, hasLine, files, place) => {
  const { mounts, finish } = await started(unmounted(hasLine), files);
  expect(mounts).toEqual([expect.stringMatching(new RegExp(`^rescue mount -t vfat .* /mnt/recovered${place}$`))]);
  const { ran } = await finish();
  expect(ran[0]).toContain(`--efi-directory=${place} `);
  expect(ran).toContainEqual(expect.stringMatching(/efibootmgr .*--loader \\EFI\\debian\\grubx64\.efi$/));
});

test('with systemd-boot in place of GRUB, that is put there', async () => {
  const bootctl = { '/efi/': '', '/usr/bin/bootctl': '', '/usr/sbin/grub-install': '' };
  const { finish } = await started(unmounted(false), bootctl);
  const { ran } = await finish();
  expect(ran[0]).toBe('/usr/bin/bootctl --esp-path=/efi --no-variables install');
});

test('of two nobody knows which is meant, unless fstab says so; one that is mounted is left alone', async () => {
  const twice = (layout: Layout): Layout => ({
    ...layout,
    components: layout.components.flatMap((one): Component[] => {
      if (one.kind === 'vfat') return [one, { ...one, id: 'vfat:2', on: ['partition:2'] }];
      return one.kind === 'partition' && /^c12a7328/i.test(one.typeId ?? '')
        ? [one, { ...one, id: 'partition:2', number: 9, device: '/dev/vda9' }]
        : [one];
    }),
  });
  const both = await started(twice(unmounted(false)), { '/efi/': '' });
  expect(both.mounts).toEqual([]);
  await expect(both.finish()).rejects.toThrow('it has no EFI system partition that is mounted');
  expect((await started(twice(unmounted(true)), {})).mounts).toHaveLength(1);
  expect((await started(recorded, { '/efi/': '' })).mounts).toEqual([]);
});

test.each([
  ['one of two', { '/boot/efi/': '' }],
  ['the only one', {}],
])('the place where it was mounted is found again, though it is no longer empty: %s', async (_, others) => {
  const files = { '/efi/EFI/debian/grubx64.efi': '', ...others };
  const mounted = { ...answers, 'rescue mountpoint': '', 'rescue findmnt': '/elsewhere\n/mnt/recovered/efi\n' };
  await using root = await restoredRoot(files, mounted);
  expect(await withEsp(scene(unmounted(false)), root.host, signal)).toMatchObject({ path: '/efi' });
  expect(root.ran.filter((one) => one.includes(' mount '))).toEqual([]);
});
