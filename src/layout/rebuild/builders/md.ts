/** Arrays of md. */
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { type Builder, device } from '../builder.ts';

type Md = ComponentOf<'md'>;
type Geometry = NonNullable<Md['geometry']>;

const kibibyte = 1024;

export const mdBuilder: Builder<Md> = {
  problem({ geometry, uuid }) {
    if (geometry === undefined || uuid === undefined) return 'none of its members could be read when it was captured';
    if (geometry.bitmap?.file !== undefined) return 'its bitmap lay in a file';
    return undefined;
  },
  path: ({ uuid = '' }) => `/dev/disk/by-id/md-uuid-${grouped(uuid)}`,
  release: ({ id, state }) => (state === 'stopped' ? [] : [{ argv: ['mdadm', '--stop', device(id)], okCodes: [0, 1] }]),
  create({ id, uuid = '', geometry, on }) {
    if (geometry === undefined) return [];
    const words = createWords(geometry, grouped(uuid));
    const undo: Command[] = [
      { argv: ['mdadm', '--stop', device(id)], okCodes: [0, 1, 2] },
      { argv: ['mdadm', '--zero-superblock', '--force', ...on.map(device)], okCodes: [0, 1, 2] },
    ];
    return [
      {
        title: `make the array ${geometry.name ?? id} (${geometry.level})`,
        commands: [{ argv: ['mdadm', ...words] }, { argv: ['udevadm', 'settle'] }],
        again: undo,
      },
    ];
  },
};

/** mdadm writes the digits in groups of eight. */
export function grouped(uuid: string): string {
  return (uuid.replaceAll('-', '').match(/.{8}/g) ?? []).join(':');
}

function createWords(geometry: Geometry, uuid: string): Word[] {
  const {
    level,
    raidDevices,
    metadata,
    minor,
    name,
    chunkBytes,
    layout,
    componentBytes,
    consistency,
    bitmap,
    members,
  } = geometry;
  const active = inPlaces(members, raidDevices);
  const spares = members.filter(({ role }) => role === 'spare').map(({ on }) => device(on));
  const journal = members.find(({ role }) => role === 'journal');
  return [
    '--create',
    // Metadata 0.90 holds the number of its device and no name.
    minor === undefined ? `/dev/md/${name?.split(':').at(-1) ?? uuid.slice(0, 8)}` : `/dev/md${minor}`,
    '--run',
    '--quiet',
    `--level=${level}`,
    // Otherwise its last member would be a spare until it has been rebuilt.
    ...(level === 'raid4' || level === 'raid5' ? ['--force'] : []),
    `--raid-devices=${raidDevices}`,
    `--metadata=${metadata}`,
    `--uuid=${uuid}`,
    ...nameWords(name),
    ...(chunkBytes === undefined ? [] : [`--chunk=${chunkBytes / kibibyte}`]),
    ...(layout === undefined ? [] : [`--layout=${layoutWord(layout)}`]),
    ...dataOffset(geometry),
    ...(componentBytes === undefined ? [] : [`--size=${componentBytes / kibibyte}`]),
    ...(bitmap !== undefined
      ? [
          '--bitmap=internal',
          ...(bitmap.chunkBytes === undefined ? [] : [`--bitmap-chunk=${bitmap.chunkBytes / kibibyte}`]),
        ]
      : consistency === undefined || consistency === 'journal'
        ? []
        : [`--consistency-policy=${consistency}`]),
    ...(journal === undefined ? [] : ['--write-journal', device(journal.on)]),
    ...(spares.length === 0 ? [] : [`--spare-devices=${spares.length}`]),
    ...active,
    ...spares,
  ];
}

/** Where the data begin, which mdadm otherwise chooses by the size of the members. */
function dataOffset({ metadata, members }: Geometry): string[] {
  const offsets = new Set(members.flatMap(({ dataOffsetBytes }) => dataOffsetBytes ?? []));
  const [offset, ...others] = offsets;
  if (metadata === '0.90' || metadata === '1.0' || offset === undefined || others.length > 0) return [];
  return [`--data-offset=${offset / kibibyte}K`];
}

/** Each member in its place, `missing` where there was none. */
function inPlaces(members: Geometry['members'], raidDevices: number): Word[] {
  return Array.from({ length: raidDevices }, (_, slot) => {
    const member = members.find((one) => one.slot === slot && (one.role ?? 'active') === 'active');
    return member === undefined ? 'missing' : device(member.on);
  });
}

/** `host:name` */
function nameWords(name: string | undefined): string[] {
  if (name === undefined) return [];
  const [host, ...rest] = name.split(':');
  return rest.length === 0 ? [`--name=${name}`, '--homehost=any'] : [`--homehost=${host}`, `--name=${rest.join(':')}`];
}

/** `near=2` → `n2`; names of RAID 5 and 6 stay. */
function layoutWord(layout: string): string {
  const [, kind, copies] = /^(near|far|offset)=(\d+)$/.exec(layout) ?? [];
  return kind === undefined ? layout : `${kind[0]}${copies}`;
}
