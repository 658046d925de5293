/** Loaders on EFI system partitions: one for each directory below `EFI`, and kernels that a boot entry starts directly. */
import { basename } from 'node:path/posix';
import type { Asker } from '../../host/asker.ts';
import { present } from '../../kernel/present.ts';
import type { Probes } from '../probes.ts';
import { type EfiBinary, loaderOf, markPattern, readMarks, roleOf } from './efi-binaries.ts';
import type { EfiEntry } from './efibootmgr.ts';
import type { Found } from './found.ts';
import { grubOf } from './grub.ts';
import type { Loader } from './loader-schema.ts';
import type { BootRoot } from './places.ts';
import { digests, type FoundFile, grepFiles } from './reading.ts';

/** A file on a filesystem that firmware reads. */
interface EfiFile {
  readonly root: BootRoot;
  readonly file: FoundFile;
  /** From the top of that filesystem. */
  readonly path: string;
}

export async function efiLoaders(probes: Probes, found: Found, asker: Asker): Promise<Loader[]> {
  const files = efiFiles(found);
  const stubs = (found.efi?.entries ?? []).flatMap((entry) => stubOf(entry, files, probes) ?? []);
  const programs = files.filter(
    (one) => /^\/EFI\/.*\.efi$/i.test(one.path) && (one.root.isEsp || /^\/EFI\/Linux\//i.test(one.path)),
  );
  const paths = [...new Set([...programs, ...stubs.flatMap(({ file }) => file ?? [])].map(({ file }) => file.path))];
  const subject = 'EFI programs';
  const [sums, marks] = await Promise.all([
    digests(asker, paths, subject),
    grepFiles(asker, markPattern, paths, subject),
  ]);
  const binary = ({ path, file }: EfiFile): EfiBinary => {
    const { program, version, vendor } = readMarks(marks.get(file.path) ?? []);
    return {
      path,
      role: roleOf(path, program),
      sizeBytes: file.sizeBytes,
      ...present({ sha256: sums.get(file.path), version, vendor }),
    };
  };
  const directories = Map.groupBy(programs, ({ root, path }) => `${root.path}\0${directoryOf(path)}`);
  const loaders = [...directories.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined
      ? []
      : [directoryLoader(first.root, directoryOf(first.path), members.map(binary), found)];
  });
  // One kernel may be started with several command lines.
  const taken = new Map<string, number>();
  return [
    ...loaders,
    ...stubs.map(({ entry, file, on, path }): Loader => {
      // Whoever may not see the partitions still has the GUID.
      const name = `loader:efi-stub:${entry.partUuid}:${path}`;
      const nth = (taken.get(name) ?? 0) + 1;
      taken.set(name, nth);
      return {
        kind: 'loader',
        id: nth === 1 ? name : `${name}#${nth}`,
        on,
        type: 'efi-stub',
        path,
        config: [],
        binaries: file === undefined ? [] : [binary(file)],
        entries: [],
        efiEntry: { label: entry.label, ...present({ arguments: entry.arguments }) },
      };
    }),
  ];
}

function efiFiles({ places, bootFiles }: Found): EfiFile[] {
  const roots = places.roots
    .filter(({ mount }) => mount !== undefined)
    .toSorted((a, b) => b.path.length - a.path.length);
  return bootFiles.flatMap((file): EfiFile[] => {
    const root = roots.find(({ path }) => file.path.startsWith(`${path}/`));
    return root === undefined || file.isLink ? [] : [{ root, file, path: file.path.slice(root.path.length) }];
  });
}

/** `/EFI/Microsoft/Boot/bootmgfw.efi` → `/EFI/Microsoft`. */
function directoryOf(path: string): string {
  return /^\/[^/]+\/[^/]+(?=\/)/.exec(path)?.[0] ?? '/EFI';
}

const typeOfRole = {
  grub: 'grub-efi',
  'systemd-boot': 'systemd-boot',
  uki: 'uki',
  kernel: 'other',
  shim: 'shim',
  fallback: 'shim',
  'mok-manager': 'other',
  windows: 'windows',
  refind: 'refind',
  limine: 'limine',
  other: 'other',
} as const;

function directoryLoader(root: BootRoot, path: string, binaries: readonly EfiBinary[], found: Found): Loader {
  const main = loaderOf(binaries);
  const type = typeOfRole[main];
  const removable = path.toLowerCase() === '/efi/boot';
  const version = binaries.find(({ role }) => role === main)?.version;
  const common = type === 'grub-efi' ? grubOf(found) : { config: [] };
  const beside = found.bootFiles.map((file) => file.path).filter((one) => one === `${root.path}${path}/grub.cfg`);
  return {
    kind: 'loader',
    id: `loader:${type}:${root.on.join('+')}:${path}`,
    on: [...root.on],
    type,
    path,
    ...common,
    config: [...beside, ...common.config, ...(type === 'systemd-boot' ? loaderConfs(found) : [])],
    binaries: [...binaries].sort((a, b) => (a.path < b.path ? -1 : 1)),
    entries: [],
    ...(removable ? { removable } : {}),
    ...present({ version, distributor: removable || type === 'uki' ? undefined : basename(path) }),
  };
}

function loaderConfs({ bootFiles }: Found): string[] {
  return bootFiles.map(({ path }) => path).filter((path) => path.endsWith('/loader/loader.conf'));
}

interface Stub {
  readonly entry: EfiEntry;
  /** Absent where its partition is not mounted. */
  readonly file?: EfiFile;
  readonly path: string;
  readonly on: string[];
}

/** By the file that an entry names; of one that cannot be seen, by its name and what it is given. */
function stubOf(entry: EfiEntry, files: readonly EfiFile[], probes: Probes): Stub | undefined {
  if (entry.path === undefined) return undefined;
  const path = entry.path.replaceAll('\\', '/');
  const device = probes.devices.find(({ partUuid }) => partUuid?.toLowerCase() === entry.partUuid);
  const partition = device === undefined ? undefined : probes.ids.get(device.number);
  const file = files.find(
    (one) =>
      partition !== undefined && one.root.on.includes(partition) && one.path.toLowerCase() === path.toLowerCase(),
  );
  const isKernel =
    /(^|\/)(vmlinuz|linux|bzimage|kernel)[^/]*$/i.test(path) ||
    /^\/EFI\/Linux\//i.test(path) ||
    /(^|\s)(root|initrd)=/.test(entry.arguments ?? '');
  if (!isKernel) return undefined;
  return { entry, path, on: partition === undefined ? [] : [partition], ...(file === undefined ? {} : { file }) };
}
