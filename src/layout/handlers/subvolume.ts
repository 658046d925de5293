/** A subvolume or snapshot of btrfs. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, common, type LayoutHandler, missing, text } from '../handler.ts';

const schema = z.object({
  kind: z.literal('subvolume'),
  ...common,
  /** From the top of the filesystem, without a slash before it. */
  path: z.string(),
  /** In its filesystem; a mount option `subvolid` names it. */
  number: z.number(),
  uuid: text,
  /** UUID of what it is a snapshot of. */
  parentUuid: text,
  /** UUID of what was sent here. */
  receivedUuid: text,
  readOnly: z.boolean(),
  /** A mount without options shows it. */
  isDefault: z.boolean(),
  /** New files are written in place, without checksums. */
  nocow: z.boolean().exactOptional(),
  /** What new files are compressed by, where that is a property of it: `zstd`, `zlib:9`. */
  compression: text,
  /** Letters of lsattr(1). */
  attributes: text,
  /** Known where quotas are on. */
  usedBytes: bytes.exactOptional(),
  maxReferencedBytes: bytes.exactOptional(),
  maxExclusiveBytes: bytes.exactOptional(),
});

type Subvolume = z.infer<typeof schema>;

export const subvolume: LayoutHandler<Subvolume> = {
  kind: 'subvolume',
  schema,
  under: ['btrfs'],
  askedBy: ['findmnt', 'attributes of subvolumes', 'compression of subvolumes'],
  async capture(probes) {
    return [...probes.subvolumes].flatMap(([filesystem, { list, defaultNumber }]) =>
      list.map((entry) => ({
        kind: 'subvolume' as const,
        id: subvolumeId(filesystem, entry.path),
        on: [filesystem],
        path: entry.path,
        number: entry.number,
        readOnly: entry.readOnly,
        isDefault: entry.number === defaultNumber,
        ...present({
          uuid: entry.uuid,
          parentUuid: entry.parentUuid,
          receivedUuid: entry.receivedUuid,
          nocow: entry.attributes?.includes('C'),
          compression: entry.compression,
          attributes: entry.attributes,
          usedBytes: entry.quota?.referencedBytes,
          maxReferencedBytes: entry.quota?.maxReferenced,
          maxExclusiveBytes: entry.quota?.maxExclusive,
        }),
      })),
    );
  },
  title({ path, parentUuid, readOnly, isDefault, nocow, compression, usedBytes, maxReferencedBytes }) {
    const limit = maxReferencedBytes === undefined ? '' : ` of at most ${formatBytes(maxReferencedBytes)}`;
    return [
      `${parentUuid === undefined ? 'subvolume' : 'snapshot'} ${path}`,
      usedBytes === undefined ? undefined : `${formatBytes(usedBytes)}${limit} used`,
      isDefault ? 'default' : undefined,
      readOnly ? 'read-only' : undefined,
      nocow === true ? 'nocow' : undefined,
      compression,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage: (_, { mounted }) => (mounted ? undefined : missing('not mounted by itself')),
  // Its number is of the filesystem that it is in now.
  volatile: ['usedBytes', 'number'],
  // Snapshots come and go by themselves, and hold what their subvolume held.
  passing: ({ readOnly, parentUuid }) => readOnly && parentUuid !== undefined,
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

export function subvolumeId(filesystem: string, path: string): string {
  return `subvolume:${filesystem.replace(/^filesystem:/, '')}:${path}`;
}
