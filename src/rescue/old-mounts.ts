/** Where the filesystems of the old system belong: out of its own fstab, and out of what was captured of it. */
import { present } from '../kernel/present.ts';
import { isWithin } from '../layout/mount-place.ts';
import type { Component, ComponentOf, Layout } from '../layout/types.ts';
import { parseFstab } from '../layout/tools/fstab.ts';
import type { Content } from './assemble.ts';

export interface OldMount {
  /** In the old system. */
  readonly path: string;
  readonly device: string;
  readonly type: string;
  /** The first that succeeds is taken. */
  readonly ways: readonly (readonly string[])[];
}

/**
 * How each kind is mounted: a journal is replayed, which the view keeps in memory; where that fails, it is left alone. Without it, what a
 * machine wrote last is not seen.
 */
const ways: Readonly<Record<string, readonly (readonly string[])[]>> = {
  ext2: [['ro']],
  ext3: [['ro'], ['ro', 'noload']],
  ext4: [['ro'], ['ro', 'noload']],
  xfs: [
    ['ro', 'nouuid'],
    ['ro', 'norecovery', 'nouuid'],
  ],
  btrfs: [['ro'], ['ro', 'rescue=nologreplay']],
  f2fs: [['ro'], ['ro', 'norecovery']],
  jfs: [['ro']],
  vfat: [['ro']],
  exfat: [['ro']],
  ntfs: [['ro']],
  iso9660: [['ro']],
  udf: [['ro']],
};

/** What blkid and the kernel call otherwise. */
const drivers: Readonly<Record<string, string>> = { ntfs: 'ntfs3' };

export const canBeMounted = ({ type }: Content): boolean => ways[type] !== undefined;

/** @param subvolume of btrfs, as mount(8) takes it */
export function mountOf({ path: device, type }: Content, path: string, subvolume?: string): OldMount {
  const added = subvolume === undefined ? [] : [subvolume];
  return { path, device, type: drivers[type] ?? type, ways: (ways[type] ?? []).map((way) => [...way, ...added]) };
}

/** What was mounted, as captured: a filesystem of a disk, or what a server gives out. */
type CapturedMount = { readonly path: string } & (
  | { readonly uuid: string; readonly subvolume?: string }
  | { readonly server: string; readonly type: string }
);

/** The filesystem of the root, and the subvolume that it is, as captured. */
export function capturedRoot(layout: Layout): { readonly uuid: string; readonly subvolume?: string } | undefined {
  const root = mountsIn(layout).find(({ path }) => path === '/');
  return root !== undefined && 'uuid' in root ? root : undefined;
}

/** What held a directory, as captured; `undefined` where that was the root. */
export function mountOver(directory: string, layout: Layout): CapturedMount | undefined {
  return mountsIn(layout)
    .filter(({ path }) => path !== '/' && isWithin(directory, path))
    .toSorted((a, b) => b.path.length - a.path.length)[0];
}

function mountsIn(layout: Layout): readonly CapturedMount[] {
  return layout.components.flatMap((one): readonly CapturedMount[] => {
    if (one.kind !== 'mount' || one.hidden === true) return [];
    const { path, category, source: server, fstype: type, options } = one;
    if (category === 'network') return [{ path, server, type }];
    const uuid = filesystemUnder(one, layout)?.uuid;
    return uuid === undefined ? [] : [{ path, uuid, ...present({ subvolume: subvolumeIn(options) }) }];
  });
}

/** @returns in the order of fstab, without the root; and what of it is not there, each with its reason */
export function mountsOf(
  fstab: string,
  contents: readonly Content[],
  layout: Layout | undefined,
): { readonly mounts: readonly OldMount[]; readonly missing: readonly string[] } {
  const mounts: OldMount[] = [];
  const missing: string[] = [];
  for (const { spec, path, type, options } of parseFstab(fstab, (line) =>
    missing.push(`line ${line} of fstab is none`),
  )) {
    const isFile =
      path.startsWith('/') && path !== '/' && !/^(swap|none|proc|sysfs|tmpfs|devpts|nfs4?|cifs|bind)$/.test(type);
    if (!isFile || /(^|,)r?bind(,|$)/.test(options) || /^[^/]*:\//.test(spec)) continue;
    const found = contents.find((one) => isMeant(spec, one)) ?? captured(path, contents, layout);
    if (found === undefined) missing.push(`${path}: there is no ${spec}`);
    else if (!canBeMounted(found)) missing.push(`${path}: ${found.type} is nothing that can be mounted here`);
    else mounts.push(mountOf(found, path, found.type === 'btrfs' ? subvolumeIn(options) : undefined));
  }
  return { mounts, missing };
}

/** Names like `/dev/sda2` mean nothing on another day. */
function isMeant(spec: string, { uuid, label, partUuid, partLabel, name }: Content): boolean {
  const [, tag, value] = /^(UUID|LABEL|PARTUUID|PARTLABEL)="?([^"]*)"?$/.exec(spec) ?? bySymlink(spec);
  const same = (own: string | undefined): boolean => own !== undefined && own.toLowerCase() === value?.toLowerCase();
  if (tag === 'UUID') return same(uuid);
  if (tag === 'LABEL') return label !== undefined && label === value;
  if (tag === 'PARTUUID') return same(partUuid);
  if (tag === 'PARTLABEL') return partLabel !== undefined && partLabel === value;
  return mapperName(spec) === name;
}

const bySymlink = (spec: string): readonly (string | undefined)[] => {
  const [, tag, value] = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.+)$/.exec(spec) ?? [];
  return [undefined, tag?.toUpperCase(), value];
};

/** `/dev/group/volume` and `/dev/mapper/group-volume` are one, a hyphen in a name being doubled. */
function mapperName(spec: string): string | undefined {
  const [, mapped] = /^\/dev\/mapper\/(.+)$/.exec(spec) ?? [];
  const [, group, volume] = /^\/dev\/([^/]+)\/([^/]+)$/.exec(spec) ?? [];
  if (mapped !== undefined || group === undefined || volume === undefined) return mapped;
  return [group, volume].map((part) => part.replaceAll('-', '--')).join('-');
}

/** Where fstab says it in a way that no longer holds, such as by the name of a device. */
function captured(path: string, contents: readonly Content[], layout: Layout | undefined): Content | undefined {
  const mount = layout?.components.find((one) => one.kind === 'mount' && one.path === path && one.hidden !== true);
  if (layout === undefined || mount?.kind !== 'mount') return undefined;
  const uuid = filesystemUnder(mount, layout)?.uuid;
  return uuid === undefined ? undefined : contents.find((one) => one.uuid === uuid);
}

function filesystemUnder(mount: ComponentOf<'mount'>, { components }: Layout): { readonly uuid?: string } | undefined {
  let under: Component | undefined = components.find(({ id }) => id === mount.on[0]);
  while (under?.kind === 'subvolume') {
    const [below] = under.on;
    under = components.find(({ id }) => id === below);
  }
  return under !== undefined && 'uuid' in under && under.uuid !== undefined ? { uuid: under.uuid } : undefined;
}

/** Of a mount's options, the one that says which subvolume: by its path, as numbers are others after a restore. */
function subvolumeIn(options: string): string | undefined {
  const words = options.split(',');
  return words.find((word) => word.startsWith('subvol=')) ?? words.find((word) => word.startsWith('subvolid='));
}
