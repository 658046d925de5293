/** What the kinds `boot` and `loader` both need to know of a machine: asked once for each capture. */
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import type { Probes } from '../probes.ts';
import { type EfiBoot, efibootmgrArgv, parseEfibootmgr } from './efibootmgr.ts';
import { type Firmware, firmwareArgv, firmwareOf, hasEntries, parsePaths } from './firmware.ts';
import { initramfsPlaces } from './kernels.ts';
import { bootPlaces, namingDevices, type Places } from './places.ts';
import { findFiles, type FoundFile, readFiles } from './reading.ts';

/** What gaps about all of both are named after. */
export const bootQuestions = [
  'findmnt',
  '/proc/cmdline',
  '/proc/sys/kernel/osrelease',
  '/sys/firmware',
  '/sys/firmware/',
  'efibootmgr',
  'files of loaders',
  'settings of loaders',
  'EFI programs',
];

export interface Found {
  readonly firmware: Firmware;
  /** Below /sys/firmware. */
  readonly firmwarePaths: ReadonlySet<string>;
  readonly efi?: EfiBoot;
  readonly places: Places;
  /** Below `/boot` and on the EFI system partitions. */
  readonly bootFiles: readonly FoundFile[];
  /** Nothing was in the way of looking for kernels. */
  readonly looked: boolean;
  /** Programs and settings of what makes boot files, and kernels below `/lib/modules`. */
  readonly systemFiles: readonly FoundFile[];
  /** Lines of the text files among them that tell something, by path. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
}

const known = new WeakMap<Probes, Promise<Found>>();

/** Both handlers are given the same probes. */
export async function foundOf(probes: Probes, asker: Asker): Promise<Found> {
  const before = known.get(probes);
  if (before !== undefined) return await before;
  const asked = ask(probes, bounded(asker));
  known.set(probes, asked);
  return await asked;
}

const systemPlaces = [
  ...initramfsPlaces,
  '/etc/default/grub',
  '/etc/default/grub.d',
  '/etc/kernel',
  '/lib/modules',
] as const;

async function ask(probes: Probes, base: Asker): Promise<Found> {
  const places = bootPlaces(probes);
  const asker = namingDevices(base, places);
  gapsOfPlaces(places, asker);
  const roots = places.roots.map(({ path }) => path);
  const [firmwarePaths = new Set<string>(), inBoot, inSystem] = await Promise.all([
    asker.ask({ argv: firmwareArgv, okCodes: [0, 1], parse: parsePaths, subject: '/sys/firmware' }),
    findFiles(asker, roots, 6, 'files of loaders'),
    findFiles(asker, systemPlaces, 3, 'settings of loaders'),
  ]);
  const [bootFiles, systemFiles] = [inBoot ?? [], inSystem ?? []];
  const looked = inBoot !== undefined && inSystem !== undefined;
  const firmware = firmwareOf(firmwarePaths);
  const texts = [...bootFiles, ...systemFiles].filter(isText).map(({ path }) => path);
  const [efi, lines] = await Promise.all([
    firmware === 'uefi' && hasEntries(firmwarePaths)
      ? asker.ask({ argv: efibootmgrArgv, parse: parseEfibootmgr })
      : undefined,
    readFiles(asker, texts, 'settings of loaders'),
  ]);
  return {
    firmware,
    firmwarePaths,
    places,
    bootFiles,
    looked,
    systemFiles,
    texts: lines,
    ...(efi === undefined ? {} : { efi }),
  };
}

/** Names of files that hold something to read. */
const textPaths = [
  /\/loader\/entries\/[^/]+\.conf$/,
  /\/loader\/loader\.conf$/,
  /\/(extlinux|syslinux|isolinux)\.(conf|cfg)$/,
  /^\/etc\/default\/grub$/,
  /^\/etc\/default\/grub\.d\/[^/]+\.cfg$/,
  /\/grub2?\/[^/]+\/modinfo\.sh$/,
  /^\/etc\/kernel\/(cmdline|install\.conf)$/,
  /^\/lib\/modules\/[^/]+\/pkgbase$/,
];

function isText({ path, sizeBytes }: FoundFile): boolean {
  return sizeBytes <= 64 * 1024 && textPaths.some((pattern) => pattern.test(path));
}

function gapsOfPlaces({ partitions }: Places, asker: Asker): void {
  for (const { role, device, mounts, removable } of partitions) {
    if (mounts.length > 0 || removable || (role !== 'esp' && role !== 'extended-boot')) continue;
    asker.gap({
      subject: device.path,
      problem: `${role === 'esp' ? 'an EFI system partition' : 'a boot partition'} that is not mounted: its loaders cannot be seen`,
      hint: 'Mount it, read-only is enough, and capture again.',
    });
  }
}
