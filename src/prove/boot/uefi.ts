/** What UEFI firmware starts: a program that a boot entry names, or the one that it tries by itself. */
import { basename, dirname } from 'node:path/posix';
import type { ComponentOf } from '../../layout/types.ts';
import type { Scene } from '../scene.ts';
import type { Started } from './bios.ts';
import type { Verdict } from '../verdict.ts';
import { entryProblems } from './entry.ts';
import { parseGrubCfg } from './grub-cfg.ts';
import { grubPath, type Menu } from './menus.ts';
import { unifiedOf } from './uki.ts';

type Partition = ComponentOf<'partition'>;

interface Esp {
  readonly path: string;
  /** One, or those of the RAID that it is on. */
  readonly partitions: readonly Partition[];
}

interface Starter {
  /** In the system. */
  readonly path: string;
  readonly esp: Esp;
  readonly arguments: string | undefined;
}

export function uefiLoaders(scene: Scene): Started {
  const verdict: Verdict = { findings: [], notes: [] };
  const menus = new Set<Menu['loader']>();
  const esps = espsOf(scene);
  if (esps.length === 0) {
    verdict.findings.push({
      subject: 'EFI system partition',
      problem: 'none is mounted: there is nothing that firmware could start',
    });
    return { menus, verdict };
  }
  const named = entriesOf(scene, esps, verdict);
  const removable = esps.flatMap((esp) => removableOf(esp, scene));
  const starters = [...named, ...removable];
  if (starters.length === 0) {
    const places = esps.map(({ path }) => path).join(', ');
    verdict.findings.push({
      subject: 'EFI',
      problem: `no boot entry names a file that is on ${places}, and there is none at EFI/BOOT that firmware tries by itself`,
    });
  }
  const unique = [...new Map(starters.map((one) => [one.path, one])).values()];
  const judged = unique.map((one) => ({ path: one.path, ...starterProblems(one, scene) }));
  // What firmware comes to first has to be right; what is left of others it passes over, or a person does.
  const [first] = judged;
  for (const { path, problems, menu } of judged) {
    const isRight = problems.length === 0;
    if (isRight) verdict.notes.push(`firmware starts ${path}`);
    if (menu !== undefined && (isRight || path === first?.path)) menus.add(menu);
    for (const problem of problems) {
      if (path === first?.path) verdict.findings.push({ subject: path, problem });
      else verdict.notes.push(`${path}: ${problem}`);
    }
  }
  return { menus, verdict };
}

const espTypes: ReadonlySet<string> = new Set(['c12a7328-f81f-11d2-ba4b-00a0c93ec93b', '0xef']);

function espsOf({ mounts, devices }: Scene): Esp[] {
  return mounts.flatMap(({ path, fstype, on }): Esp[] => {
    if (fstype !== 'vfat' && fstype !== 'msdos') return [];
    const seen = new Set(on);
    for (const id of seen) for (const below of devices.get(id)?.on ?? []) seen.add(below);
    const partitions = [...seen].flatMap((id) => {
      const one = devices.get(id);
      return one?.kind === 'partition' ? [one] : [];
    });
    const isEsp = partitions.some(({ typeId = '' }) => espTypes.has(typeId.toLowerCase()));
    return isEsp || ['/boot/efi', '/efi'].includes(path) ? [{ path, partitions }] : [];
  });
}

/** What of the firmware's own entries leads to a file that is there. */
function entriesOf({ devices, inside }: Scene, esps: readonly Esp[], verdict: Verdict): Starter[] {
  const boot = devices.layout.components.find(({ kind }) => kind === 'boot');
  const efi = boot?.kind === 'boot' ? boot.efi : undefined;
  const order = efi?.order?.split(',') ?? [];
  const rank = (number: string) => order.indexOf(number);
  const entries = (efi?.entries ?? []).filter(({ number }) => order.includes(number));
  return entries
    .toSorted((one, other) => rank(one.number) - rank(other.number))
    .flatMap(({ active, label, partUuid, path, arguments: given }): Starter[] => {
      const esp = esps.find(({ partitions }) =>
        partitions.some((one) => one.partUuid?.toLowerCase() === partUuid?.toLowerCase()),
      );
      if (esp === undefined || path === undefined || !active) return [];
      const wanted = `${esp.path}${path.replaceAll('\\', '/')}`;
      const file = inside.spelled(wanted);
      if (file !== undefined) return [{ path: file, esp, arguments: given }];
      verdict.notes.push(`the boot entry ${label} names ${wanted}, which is not there`);
      return [];
    });
}

function removableOf(esp: Esp, { inside }: Scene): Starter[] {
  const folder = inside.spelled(`${esp.path}/EFI/BOOT`);
  if (folder === undefined) return [];
  return inside
    .names(folder)
    .filter((name) => /^boot(x64|ia32|aa64|arm|riscv64|loongarch64)\.efi$/i.test(name))
    .map((name) => ({ path: `${folder}/${name}`, esp, arguments: undefined }));
}

/** What is wrong with it, and the menu that it shows. */
interface Judged {
  readonly problems: readonly string[];
  readonly menu?: Menu['loader'];
}

function starterProblems({ path, esp, arguments: given }: Starter, scene: Scene): Judged {
  const { inside } = scene;
  if (inside.head(path, 2)?.toString('latin1') !== 'MZ') return { problems: ['it is no program for firmware'] };
  const unified = unifiedOf(path, inside);
  if (unified !== undefined) return { problems: entryProblems(unified, scene) };
  const folder = dirname(path);
  const names = inside.names(folder);
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  const isKernel = /(^|\/)(vmlinuz|linux|bzimage|kernel)[^/]*$/i.test(path) || given?.includes('root=') === true;
  if (isKernel) {
    const initrd = [...(given ?? '').matchAll(/(?:^|\s)initrd=(\S+)/g)].map(([, one = '']) => {
      const file = inside.spelled(`${esp.path}/${one.replaceAll('\\', '/')}`);
      return { path: file ?? one, found: file !== undefined };
    });
    const started = { name: path, linux: { path, found: true }, initrd, options: given ?? '' };
    return { problems: entryProblems(started, scene) };
  }
  const isShim = /^shim/i.test(basename(path)) || has(/^(mm|fb)(x64|ia32|aa64)\.efi$/i);
  if (isShim && !has(/^grub[a-z0-9]*\.efi$/i) && !has(/^fb(x64|ia32|aa64)\.efi$/i) && !has(/^systemd-boot/i))
    return { problems: ['shim is there, and not what it starts'] };
  if (has(/^systemd-boot/i) || contains(path, 'systemd-boot', inside)) return { problems: [], menu: 'entries' };
  if (has(/^grub[a-z0-9]*\.efi$/i) || contains(path, 'Welcome to GRUB!', inside))
    return { problems: besideProblems(folder, scene), menu: 'grub' };
  return { problems: [] };
}

/** The few lines beside a GRUB that was signed: they lead to its menu. */
function besideProblems(folder: string, scene: Scene): string[] {
  const text = scene.inside.text(`${folder}/grub.cfg`);
  if (text === undefined) return [];
  const { configfile, searches, entries } = parseGrubCfg(text, '');
  const lost = searches.filter((spec) => scene.devices.meant(spec).length === 0);
  if (lost.length > 0)
    return lost.map((spec) => `${folder}/grub.cfg searches for ${spec}, and there is no such device`);
  if (configfile === undefined || entries.length > 0) return [];
  const found = grubPath(configfile.path, configfile.search, scene);
  return found === undefined ? [`${folder}/grub.cfg goes on with ${configfile.path}, which is not there`] : [];
}

function contains(path: string, text: string, inside: Scene['inside']): boolean {
  return inside.head(path, 8 * 1024 * 1024)?.includes(text, 0, 'latin1') === true;
}
