/** EFI programs on the EFI system partitions: which loader each belongs to, by what it says of itself and by its name. */
import { basename, dirname } from 'node:path/posix';
import { z } from 'zod';
import { present } from '../../kernel/present.ts';

export const binaryRoles = [
  'shim',
  'mok-manager',
  'fallback',
  'grub',
  'systemd-boot',
  'uki',
  'kernel',
  'windows',
  'refind',
  'limine',
  'other',
] as const;

export const binarySchema = z.object({
  /** From the top of its filesystem. */
  path: z.string(),
  role: z.enum(binaryRoles),
  sizeBytes: z.number().nonnegative(),
  sha256: z.string().exactOptional(),
  version: z.string().exactOptional(),
  /** Who built it, as its record for revocation (SBAT) says. */
  vendor: z.string().exactOptional(),
});
export type EfiBinary = z.infer<typeof binarySchema>;

/** For `grep -E`: SBAT records, the mark of systemd's programs, and the greeting of GRUB, whose own images have no SBAT. */
export const markPattern =
  '^(grub|shim|systemd|systemd-boot|systemd-stub|refind|limine)[a-z0-9._-]*,[0-9]+,[^,]*,[^,]*,[^,]*,' +
  '|#### LoaderInfo: [^#]{1,80} ####|Welcome to GRUB!';

interface Marks {
  /** `grub`, `shim`, `systemd-boot`, `systemd-stub`, … */
  readonly program?: string;
  readonly version?: string;
  readonly vendor?: string;
}

/** What was found in one file by {@link markPattern}. */
export function readMarks(marks: readonly string[]): Marks {
  const info = marks.map((mark) => /^#### LoaderInfo: (\S+) (.*) ####$/.exec(mark)).find((match) => match !== null);
  const records = marks.flatMap((mark) => {
    const [component, , vendor, , version, end] = mark.split(',');
    return end === undefined || component === undefined ? [] : [{ component, vendor, version }];
  });
  const program = info?.[1] ?? records[0]?.component.split(/[._]/)[0];
  // Records go from the project to the distributor, whose version says most.
  const last = records.findLast(({ component }) => component.split(/[._]/)[0] === records[0]?.component);
  const welcome = marks.includes('Welcome to GRUB!') ? 'grub' : undefined;
  return present({ program: program ?? welcome, version: info?.[2] ?? last?.version, vendor: last?.vendor });
}

/** @param path from the top of its filesystem */
export function roleOf(path: string, program: string | undefined): EfiBinary['role'] {
  const name = basename(path).toLowerCase();
  const directory = dirname(path).toLowerCase();
  if (/^mm[a-z0-9]+\.efi$/.test(name) || name === 'mokmanager.efi') return 'mok-manager';
  if (/^(fb|fallback)[a-z0-9]*\.efi$/.test(name)) return 'fallback';
  if (program === 'systemd-stub') return 'uki';
  if (program === 'systemd-boot') return 'systemd-boot';
  if (program === 'shim' || name.startsWith('shim')) return 'shim';
  if (program === 'grub' || name.startsWith('grub')) return 'grub';
  if (program === 'refind' || name.startsWith('refind')) return 'refind';
  if (program === 'limine' || name.includes('limine')) return 'limine';
  if (directory.startsWith('/efi/microsoft')) return 'windows';
  if (directory === '/efi/linux') return 'uki';
  return /^(vmlinuz|linux|bzimage|kernel)/.test(name) ? 'kernel' : 'other';
}

/** Whose directory it is: the loader that its programs are there for. */
export function loaderOf(binaries: readonly EfiBinary[]): EfiBinary['role'] {
  const order = ['systemd-boot', 'grub', 'windows', 'refind', 'limine', 'uki', 'kernel', 'shim', 'fallback'] as const;
  const roles = new Set(binaries.map(({ role }) => role));
  return order.find((role) => roles.has(role)) ?? 'other';
}
