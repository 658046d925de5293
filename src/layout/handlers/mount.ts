/** What is mounted, and what fstab says shall be. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { redactOptions, redactSource } from '../../kernel/secret.ts';
import { formatBytes } from '../../kernel/units.ts';
import { type FstabLine, fstabLine, fstabLineSchema } from '../fstab.ts';
import { bytes, common, type LayoutHandler } from '../handler.ts';
import { contentGroup } from '../identity.ts';
import { mountCategories, mountCategorySchema, typeCategory } from '../mount-category.ts';
import { isTrigger, mountIds, unmountedId } from '../mount-place.ts';
import type { Subvolumes } from '../ask-subvolumes.ts';
import type { Probes } from '../probes.ts';
import type { MountEntry } from '../tools/findmnt.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { subvolumeId } from './subvolume.ts';

const schema = z.object({
  kind: z.literal('mount'),
  ...common,
  path: z.string(),
  /** `false` for what is only in fstab. */
  mounted: z.boolean().default(true),
  source: z.string(),
  fstype: z.string(),
  options: z.string(),
  /** Which directory of its filesystem is seen here. */
  root: z.string(),
  category: mountCategorySchema,
  /** Another mount at the same path lies over it. */
  hidden: z.boolean().exactOptional(),
  /** Its line in fstab; absent for what is mounted by other means. */
  fstab: fstabLineSchema.exactOptional(),
  sizeBytes: bytes.exactOptional(),
  usedBytes: bytes.exactOptional(),
});

type Mount = z.infer<typeof schema>;

export const mount: LayoutHandler<Mount> = {
  kind: 'mount',
  schema,
  askedBy: ['findmnt', '/etc/fstab'],
  async capture(probes) {
    const lines = fstabByPath(probes);
    return [...liveMounts(probes, lines), ...unmounted(probes, lines)];
  },
  title({ path, mounted, category, source, fstype, root, on, sizeBytes, usedBytes, hidden, fstab }) {
    const view = category === 'bind' && root !== '/' ? ` (its ${root})` : '';
    const from = on.length > 0 ? undefined : `${fstype} from ${source}`;
    const size =
      on.length > 0 || sizeBytes === undefined || usedBytes === undefined
        ? undefined
        : `${formatBytes(usedBytes)} of ${formatBytes(sizeBytes)} used`;
    return [
      mounted ? `mounted at ${path}${view}` : `in fstab for ${path}`,
      category === 'local' ? undefined : category,
      from,
      size,
      hidden === true ? 'hidden by another mount' : undefined,
      mounted && fstab !== undefined ? 'in fstab' : undefined,
      mounted ? undefined : 'not mounted',
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: () => undefined,
  // The size of what is mounted is that of its filesystem.
  volatile: ['usedBytes', 'sizeBytes'],
  passing: ({ category, fstype }) => category === 'pseudo' || (category === 'memory' && fstype !== 'tmpfs'),
  risk({ change, component: { category, on, fstab } }) {
    if (change !== 'added') return 'appearance';
    // What a new filesystem of its own holds is told there; a network filesystem's data is elsewhere.
    return on.length === 0 && category === 'local' && fstab === undefined ? 'data' : 'appearance';
  },
};

type Lines = ReadonlyMap<string, readonly { readonly line: FstabLine; readonly device: BlockDevice | undefined }[]>;

function fstabByPath(probes: Probes): Lines {
  const lines = new Map<string, { line: FstabLine; device: BlockDevice | undefined }[]>();
  for (const entry of probes.fstab) {
    // Swap has no place, and is told with the swaps.
    if (!entry.path.startsWith('/')) continue;
    const known = lines.get(entry.path) ?? [];
    lines.set(entry.path, [...known, { line: fstabLine(entry), device: probes.deviceOfSpec(entry.spec) }]);
  }
  return lines;
}

function liveMounts(probes: Probes, lines: Lines): Mount[] {
  const categories = mountCategories(probes.mounts);
  const ids = mountIds(probes.mounts);
  return probes.mounts.map((entry, index) => {
    const id = ids[index] ?? entry.target;
    const category = categories[index] ?? 'local';
    const hidden = entry.hidden === true;
    const space = hidden || category === 'pseudo' ? undefined : probes.space.get(entry.target);
    return {
      kind: 'mount',
      id,
      on: under(probes, entry),
      path: entry.target,
      mounted: true,
      source: redactSource(entry.source, entry.fstype),
      fstype: entry.fstype,
      options: redactOptions(entry.options),
      root: entry.root,
      category,
      ...(hidden ? { hidden } : {}),
      ...present({
        fstab: hidden || isTrigger(entry) ? undefined : lines.get(entry.target)?.[0]?.line,
        sizeBytes: space?.sizeBytes,
        usedBytes: space?.usedBytes,
      }),
    };
  });
}

/** The filesystem, or of btrfs the subvolume, that a mount shows. */
function under(probes: Probes, entry: MountEntry): string[] {
  const device = probes.deviceOfMount(entry);
  const bare = device === undefined ? probes.idOfMount(entry) : undefined;
  if (bare !== undefined) return [bare];
  if (device === undefined || contentGroup(device.fstype) !== 'filesystem') return [];
  const filesystem = probes.contentIds.get(device.number);
  if (filesystem === undefined) return [];
  const path = entry.root.slice(1);
  const holder = probes.subvolumes
    .get(filesystem)
    ?.list.filter((one) => path === one.path || path.startsWith(`${one.path}/`))
    .reduce<string | undefined>(
      (best, one) => (best === undefined || one.path.length > best.length ? one.path : best),
      undefined,
    );
  return [holder === undefined ? filesystem : subvolumeId(filesystem, holder)];
}

/** Lines of fstab that nothing is mounted by now. */
function unmounted(probes: Probes, lines: Lines): Mount[] {
  const live = new Set(probes.mounts.filter((one) => !isTrigger(one)).map(({ target }) => target));
  return [...lines].flatMap(([path, entries]) =>
    entries.flatMap(({ line, device }, nth): Mount[] => {
      if (nth === 0 && live.has(path)) return [];
      const filesystem = device === undefined ? undefined : probes.contentIds.get(device.number);
      const options = new Set(line.options.split(','));
      const bind = options.has('bind') || options.has('rbind');
      const shown = filesystem === undefined ? undefined : askedFor(options, probes.subvolumes.get(filesystem));
      return [
        {
          kind: 'mount',
          id: unmountedId(path, nth),
          on: filesystem === undefined ? [] : [shown === undefined ? filesystem : subvolumeId(filesystem, shown)],
          path,
          mounted: false,
          source: line.spec,
          fstype: line.type,
          options: line.options,
          root: shown === undefined ? '/' : `/${shown}`,
          category: bind ? 'bind' : typeCategory(line.type),
          fstab: line,
        },
      ];
    }),
  );
}

/** The subvolume of btrfs that a line asks for, or that is shown to who asks for none. */
function askedFor(options: ReadonlySet<string>, subvolumes: Subvolumes | undefined): string | undefined {
  const value = (name: string): string | undefined =>
    [...options].find((option) => option.startsWith(`${name}=`))?.slice(name.length + 1);
  const path = value('subvol')?.replace(/^\/+|\/+$/g, '');
  const number = Number(value('subvolid') ?? subvolumes?.defaultNumber);
  return subvolumes?.list.find((one) => (path === undefined ? one.number === number : one.path === path))?.path;
}
