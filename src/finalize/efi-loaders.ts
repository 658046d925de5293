/** Loaders on an EFI system partition: they come back with its files, and are made anew where those would not do. */
import type { ComponentOf } from '../layout/types.ts';
import { mainLoader } from './efi-wanted.ts';
import { type Esp, espsOf } from './esp.ts';
import { kernelInstalls } from './kernel-install.ts';
import { type Layers, layersOf, sameStack } from './layers.ts';
import type { Deed, FinishCommand } from './scene.ts';
import { programInside, programsOn, type Site, type Subject, thereOf } from './site.ts';

/** GRUB's names of platforms, and the letters in the names of their programs. */
const platforms: Readonly<Record<string, readonly [platform: string, letters: string]>> = {
  x86_64: ['x86_64-efi', 'x64'],
  aarch64: ['arm64-efi', 'aa64'],
  i686: ['i386-efi', 'ia32'],
  riscv64: ['riscv64-efi', 'riscv64'],
};

export const efiLoaders: Subject = {
  name: 'efi-loaders',
  async plan(site, signal) {
    const { scene } = site;
    if (scene.firmware !== 'uefi') return [];
    const captured = layersOf(scene.captured.layout);
    const now = layersOf(scene.layout, scene.root);
    const [esp] = espsOf(now);
    if (esp === undefined) return [];
    const known = (await Promise.all(espsOf(now).map(({ path }) => programsOn(site, path, signal)))).flat();
    const isThere = mainLoader(known) !== undefined;
    const loaders = captured.of('loader');
    if (!isThere && loaders.some(({ type }) => type === 'systemd-boot'))
      return await systemdBoot(site, esp, captured, signal);
    const isOther = ownGrub(captured) !== undefined && !sameStack(captured, now, '/boot', 'loader');
    return isThere && !isOther ? [] : await grubEfi(site, esp, captured, isThere, signal);
  },
};

const ownGrub = (captured: Layers): ComponentOf<'loader'> | undefined =>
  captured.of('loader').find((one) => one.type === 'grub-efi' && one.removable !== true);

async function grubEfi(site: Site, esp: Esp, captured: Layers, isThere: boolean, signal: AbortSignal): Promise<Deed[]> {
  const { path } = esp;
  const { facts } = site.scene.captured;
  const grub = ownGrub(captured);
  const [platform, letters] = platforms[facts.architecture] ?? ['x86_64-efi', 'x64'];
  // Signed ones have all they need in them, and find their configuration by the UUID of its filesystem.
  const install = await programInside(site, ['grub-install'], signal);
  const signed = ['/usr/lib/shim/shim', '/usr/lib/grub/'];
  const files = [
    `/usr/lib/grub/${platform}/moddep.lst`,
    `${signed[0]}${letters}.efi.signed`,
    `${signed[1]}${platform}-signed/grub${letters}.efi.signed`,
  ];
  const there = await thereOf(site, files, signal);
  if (install === undefined || !there.has(files[0] ?? '')) {
    // Of a partition that was not mounted when it was captured, nobody knows what was on it.
    return isThere ? [] : await systemdBoot(site, esp, captured, signal);
  }
  const id = grub?.distributor ?? facts.osRelease.id;
  const byShim = files.slice(1).every((file) => there.has(file));
  const directory = `${path}/EFI/${id}`;
  const command: FinishCommand = {
    argv: [install, `--target=${platform}`, `--efi-directory=${path}`, `--bootloader-id=${id}`, '--no-nvram'],
    where: 'chroot',
  };
  return [
    {
      id: `grub-efi ${path}`,
      title: `install GRUB for UEFI on ${path}`,
      why: isThere ? 'it has to find its files on something else than it did' : 'there is no loader for UEFI',
      needed: true,
      files: [],
      commands: [command],
      changes: [directory, `/boot/grub/${platform}`, '/boot/grub/locale', '/boot/grub/fonts', '/boot/grub/grubenv'],
      loaders: (byShim ? ['shim', 'grub'] : ['grub']).map((name) => `${directory}/${name}${letters}.efi`),
    },
  ];
}

/** Its programs, and the kernels with their entries, as far as the partition lacks them. */
async function systemdBoot(site: Site, { path }: Esp, captured: Layers, signal: AbortSignal): Promise<Deed[]> {
  const bootctl = await programInside(site, ['bootctl'], signal);
  if (bootctl === undefined) {
    site.finding({
      subject: path,
      problem: 'the restored system has neither GRUB for UEFI nor bootctl to put a loader there',
    });
    return [];
  }
  const letters = platforms[site.scene.captured.facts.architecture]?.[1] ?? 'x64';
  return [
    {
      id: `systemd-boot ${path}`,
      title: `install systemd-boot on ${path}`,
      why: 'there is no loader for UEFI',
      needed: true,
      files: [],
      commands: [
        { argv: [bootctl, `--esp-path=${path}`, '--no-variables', 'install'], where: 'chroot' },
        ...(await kernelInstalls(site, captured, signal)),
      ],
      changes: [path],
      loaders: [`${path}/EFI/systemd/systemd-boot${letters}.efi`, `${path}/EFI/BOOT/BOOT${letters.toUpperCase()}.EFI`],
    },
  ];
}
