/** One entry of a boot menu: whether what it names is there, and is what it should be. */
import { parameters } from '../../layout/boot/command-line.ts';
import { hasOption, mountAt, type Scene } from '../scene.ts';

export interface Startable {
  /** For a person: `GRUB "Debian GNU/Linux"`. */
  readonly name: string;
  /** Path in the system, or what stands in the entry where it leads nowhere. */
  readonly linux: { readonly path: string; readonly found: boolean } | undefined;
  readonly initrd: readonly { readonly path: string; readonly found: boolean }[];
  readonly options: string;
}

/** What keeps it from starting the system; empty where nothing does. */
export function entryProblems({ linux, initrd, options }: Startable, scene: Scene): string[] {
  return [
    ...(linux === undefined ? [] : kernelProblems(linux, scene)),
    ...initrd.flatMap((one) => initrdProblems(one, scene)),
    ...optionProblems(options, scene),
  ];
}

function kernelProblems({ path, found }: NonNullable<Startable['linux']>, { inside }: Scene): string[] {
  if (!found) return [`there is no kernel ${path}`];
  const head = inside.head(path, 520);
  if (head === undefined || head.length < 64) return [`${path} is no kernel: it is empty, or not a file`];
  const isKernel =
    head.toString('latin1', 0x202, 0x206) === 'HdrS' ||
    head.toString('latin1', 0, 2) === 'MZ' ||
    head.toString('latin1', 0, 4) === '\x7fELF' ||
    (head[0] === 0x1f && head[1] === 0x8b);
  if (!isKernel) return [`${path} is no kernel`];
  const version = /^(?:vmlinuz|vmlinux|kernel|Image)-(\d.*)$/.exec(path.slice(path.lastIndexOf('/') + 1))?.[1];
  if (version === undefined) return [];
  const hasModules = ['/lib/modules', '/usr/lib/modules'].some((one) => inside.stat(`${one}/${version}`) !== undefined);
  return hasModules ? [] : [`there are no modules for the kernel ${version}`];
}

/** Beginnings of an archive, packed by whatever, or of microcode before it. */
const initramfsMagic: readonly string[] = [
  '303730373031',
  '303730373032',
  '1f8b',
  '28b52ffd',
  'fd377a585a00',
  '02214c18',
  '04224d18',
  '425a68',
  '5d0000',
  '89',
];

function initrdProblems({ path, found }: Startable['initrd'][number], { inside }: Scene): string[] {
  if (!found) return [`there is no initial filesystem ${path}`];
  const head = inside.head(path, 16);
  if (head === undefined || head.length < 16) return [`${path} is empty`];
  // What fills up to a page before the next archive.
  const hex = head.toString('hex').replace(/^(?:00)+/, '');
  return hex === '' || initramfsMagic.some((magic) => hex.startsWith(magic))
    ? []
    : [`${path} is no initial filesystem`];
}

const elsewhere = /^(\/dev\/(nfs|root|ram0)|nfs|ZFS=|zfs:|live:|iscsi:|dhcp|nbd:|bootfs|.*:)/;

function optionProblems(line: string, scene: Scene): string[] {
  const { devices, before } = scene;
  const words = parameters(line);
  const root = mountAt(scene, '/');
  const problems: string[] = [];
  const missing = (what: string, spec: string) => {
    // What led nowhere on the machine of the point was no hindrance there.
    if (devices.meant(spec).length > 0 || before.meant(spec).length === 0) return;
    problems.push(`${what} names ${spec}, and there is no such device`);
  };
  for (const word of words) {
    const [, name = '', value = ''] = /^"?([\w.-]+)=(.*?)"?$/s.exec(word) ?? [];
    switch (name) {
      case 'root':
        if (elsewhere.test(value) || root === undefined) break;
        if (devices.meant(value).length === 0) problems.push(`root= names ${value}, and there is no such device`);
        else if (!devices.leadsTo(value, root.on[0] ?? ''))
          problems.push(`root= names ${value}, and that is not the filesystem of /`);
        break;
      case 'rootflags': {
        const subvolume = devices.get(root?.on[0] ?? '');
        const path = /(?:^|,)subvol=\/?([^,]*)/.exec(value)?.[1];
        if (subvolume?.kind === 'subvolume' && path !== undefined && path !== subvolume.path)
          problems.push(`rootflags= names the subvolume ${path}, and / is ${subvolume.path}`);
        break;
      }
      case 'resume':
      case 'rd.lvm.lv':
        missing(`${name}=`, name === 'rd.lvm.lv' ? `/dev/${value}` : value);
        break;
      case 'cryptdevice':
        missing('cryptdevice=', value.split(':')[0] ?? '');
        break;
      case 'rd.luks.uuid':
      case 'rd.luks.name':
        missing(`${name}=`, `UUID=${value.replace(/^luks-/, '').split('=')[0]}`);
        break;
      case 'rd.md.uuid':
        if (
          !hasArray(value, scene) &&
          before.layout.components.some((one) => one.kind === 'md' && sameDigits(one.uuid, value))
        )
          problems.push(`rd.md.uuid= names ${value}, and there is no such array`);
        break;
      default:
    }
  }
  if (
    !words.some((word) => /^"?root=/.test(word)) &&
    root !== undefined &&
    !hasOption(root.options, 'none') &&
    !isDiscoverable(scene)
  )
    problems.push('it names no root filesystem');
  return problems;
}

const digits = (text: string | undefined): string => (text ?? '').replace(/[^0-9a-f]/gi, '').toLowerCase();
const sameDigits = (one: string | undefined, other: string): boolean => digits(one) === digits(other);

function hasArray(uuid: string, { devices }: Scene): boolean {
  return devices.layout.components.some((one) => one.kind === 'md' && sameDigits(one.uuid, uuid));
}

/** Types of partitions that systemd takes for the root filesystem where nothing names one: x86-64, x86, ARM 64, ARM. */
const rootTypes: ReadonlySet<string> = new Set([
  '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  '44479540-f297-41b2-9af7-d131d5f0458a',
  'b921b045-1df0-41c3-af44-4c6f280d3fae',
  '69dad710-2ce4-4e3c-b16c-21a1d49abed3',
]);

function isDiscoverable({ devices }: Scene): boolean {
  return devices.layout.components.some(
    (one) => one.kind === 'partition' && rootTypes.has(one.typeId?.toLowerCase() ?? ''),
  );
}
