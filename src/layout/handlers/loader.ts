/** A boot loader: in a boot sector, on an EFI system partition, or as its configuration shows it. */
import { bounded } from '../../host/bounded.ts';
import type { LayoutHandler } from '../handler.ts';
import { efiLoaders } from '../boot/efi-loaders.ts';
import { bootQuestions, foundOf } from '../boot/found.ts';
import { type Loader, loaderSchema } from '../boot/loader-schema.ts';
import { sectorLoaders } from '../boot/sector-loaders.ts';
import { textLoaders } from '../boot/text-loaders.ts';

const names: Readonly<Record<Loader['type'], string>> = {
  'grub-pc': 'GRUB for BIOS',
  'grub-efi': 'GRUB for UEFI',
  'grub-ieee1275': 'GRUB for Open Firmware',
  'systemd-boot': 'systemd-boot',
  bls: 'boot entries',
  uki: 'unified kernel images',
  'efi-stub': 'kernel started by the firmware',
  extlinux: 'extlinux',
  syslinux: 'Syslinux',
  shim: 'shim without a loader',
  windows: 'Windows',
  refind: 'rEFInd',
  limine: 'Limine',
  lilo: 'LILO',
  'grub-legacy': 'GRUB legacy',
  zipl: 'zipl',
  'u-boot': 'U-Boot',
  'raspberry-pi': 'Raspberry Pi',
  other: 'another loader',
};

const notYet = new Set<Loader['type']>([
  ...(['grub-ieee1275', 'shim', 'windows', 'refind', 'limine', 'lilo', 'grub-legacy'] as const),
  ...(['zipl', 'u-boot', 'raspberry-pi', 'other'] as const),
]);

export const loader: LayoutHandler<Loader> = {
  kind: 'loader',
  schema: loaderSchema,
  askedBy: bootQuestions,
  async capture(probes, asker) {
    const found = await foundOf(probes, asker);
    const within = bounded(asker);
    const [sectors, efi] = await Promise.all([sectorLoaders(probes, found, within), efiLoaders(probes, found, within)]);
    return [...sectors, ...efi, ...textLoaders(found, asker)];
  },
  title({ type, device, path, version, removable, binaries, entries, core, efiEntry }) {
    const count = (number: number, one: string, several: string) =>
      number === 0 ? undefined : `${number} ${number === 1 ? one : several}`;
    return [
      names[type],
      efiEntry === undefined ? undefined : JSON.stringify(efiEntry.label),
      device === undefined ? undefined : `boot sector of ${device}`,
      path,
      version,
      binaries.some(({ role }) => role === 'shim') && type !== 'shim' ? 'by way of shim' : undefined,
      removable === true ? 'found without a boot entry' : undefined,
      core === undefined || core.sectors !== undefined ? undefined : 'its core image was not found',
      type === 'uki' ? count(binaries.length, 'image', 'images') : count(entries.length, 'entry', 'entries'),
      notYet.has(type) ? 'not yet handled' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: () => undefined,
  // What it stands on is in its id; where its core lies follows from how it is installed.
  volatile: ['device', 'on', 'core.sector', 'core.sectors'],
  risk: () => 'appearance',
};
