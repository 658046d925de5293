/** Kernels that can be started, what makes their initial file systems, and where that is set. */
import { basename, dirname } from 'node:path/posix';
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import type { FoundFile } from './reading.ts';

export const kernelSchema = z.object({
  /** As `uname -r` says it; of a kernel with a name only, that name. */
  version: z.string(),
  image: z.string(),
  initramfs: z.string().exactOptional(),
  running: z.boolean(),
});
export type Kernel = z.infer<typeof kernelSchema>;

export const initramfsSchema = z.object({
  /** What makes them; absent where that is not certain. */
  tool: z.string().exactOptional(),
  installed: z.array(z.string()),
  /** Files that say how they are made. */
  config: z.array(z.string()),
});
export type Initramfs = z.infer<typeof initramfsSchema>;

const imageName = /^(?:vmlinuz|vmlinux|kernel|bzImage|Image|zImage|uImage)-(.+)$/;
const initramfsNames = [
  (version: string) => `initrd.img-${version}`,
  (version: string) => `initramfs-${version}.img`,
  (version: string) => `initrd-${version}`,
  (version: string) => `initrd-${version}.img`,
  (version: string) => `initramfs-${version}`,
  (version: string) => `booster-${version}.img`,
  (version: string) => `uInitrd-${version}`,
];

/**
 * @param boot files below `/boot` and the EFI system partitions
 * @param modules files below `/lib/modules`
 * @param packageNames content of `/lib/modules/VERSION/pkgbase`, by path: kernels are named so on Arch Linux
 */
export function kernelsOf(
  boot: readonly FoundFile[],
  modules: readonly FoundFile[],
  packageNames: ReadonlyMap<string, readonly string[]>,
  running: string | undefined,
): Kernel[] {
  const paths = new Set(boot.map(({ path }) => path));
  const versionOfName = new Map(
    [...packageNames].flatMap(([path, [name]]) =>
      name === undefined ? [] : [[name, basename(dirname(path))] as const],
    ),
  );
  const found = new Map<string, Kernel>();
  const add = (version: string, image: string, initramfs: string | undefined): void => {
    found.set(image, { version, image, running: version === running, ...present({ initramfs }) });
  };
  for (const { path, isLink } of boot) {
    const directory = dirname(path);
    const name = imageName.exec(basename(path))?.[1];
    if (name !== undefined && !isLink && !/\.(old|sig|hmac|efi|signed|bak)$/.test(name)) {
      const initramfs = initramfsNames.map((form) => `${directory}/${form(name)}`).find((one) => paths.has(one));
      add(versionOfName.get(name) ?? name, path, initramfs);
    }
    // As kernel-install(8) lays them out: TOKEN/VERSION/linux.
    const version = basename(directory);
    if (basename(path) === 'linux' && /^\d+\.\d/.test(version)) {
      const names = ['initrd', 'initrd.img', ...initramfsNames.map((form) => form(version))];
      const initramfs = names.map((one) => `${directory}/${one}`).find((one) => paths.has(one));
      add(version, path, initramfs);
    }
  }
  for (const { path } of modules) {
    const version = basename(dirname(path));
    // Distributions that keep the kernel here copy it to where loaders find it.
    if (basename(path) === 'vmlinuz' && ![...found.values()].some((one) => one.version === version))
      add(version, path, undefined);
  }
  return [...found.values()].sort(
    (a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }) || (a.image < b.image ? -1 : 1),
  );
}

const tools: Readonly<Record<string, readonly string[]>> = {
  'initramfs-tools': ['/usr/sbin/update-initramfs'],
  dracut: ['/usr/bin/dracut', '/usr/sbin/dracut'],
  mkinitcpio: ['/usr/bin/mkinitcpio'],
  booster: ['/usr/bin/booster'],
  'mkosi-initrd': ['/usr/bin/mkosi-initrd'],
  mkinitfs: ['/usr/sbin/mkinitfs', '/sbin/mkinitfs'],
  'tiny-initramfs': ['/usr/sbin/mktirfs'],
};

const hooks: Readonly<Record<string, string>> = {
  'initramfs-tools': '/etc/kernel/postinst.d/initramfs-tools',
  dracut: '/etc/kernel/postinst.d/dracut',
};

const configPlaces = [
  '/etc/initramfs-tools',
  '/etc/dracut.conf',
  '/etc/dracut.conf.d',
  '/etc/mkinitcpio.conf',
  '/etc/mkinitcpio.conf.d',
  '/etc/mkinitcpio.d',
  '/etc/booster.yaml',
  '/etc/mkosi-initrd',
  '/etc/mkinitfs',
];

/** Where to look for files that {@link initramfsOf} wants to see. */
export const initramfsPlaces: readonly string[] = [...Object.values(tools).flat(), ...configPlaces];

/** @param installConf lines of `/etc/kernel/install.conf` */
export function initramfsOf(files: readonly FoundFile[], installConf: readonly string[]): Initramfs | undefined {
  const paths = new Set(files.map(({ path }) => path));
  const installed = Object.keys(tools).filter((tool) => tools[tool]?.some((path) => paths.has(path)) === true);
  const config = [...paths]
    .filter((path) => configPlaces.some((place) => path === place || path.startsWith(`${place}/`)))
    .sort();
  if (installed.length === 0) return undefined;
  const chosen = installConf.map((line) => /^\s*initrd_generator\s*=\s*(\S+)/.exec(line)?.[1]).find(Boolean);
  const hooked = installed.filter((tool) => paths.has(hooks[tool] ?? ''));
  const only = installed.length === 1 ? installed[0] : hooked.length === 1 ? hooked[0] : undefined;
  return { installed, config, ...present({ tool: installed.find((one) => one === chosen) ?? only }) };
}
