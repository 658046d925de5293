/** Arrays of md. */
import type { Command, Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { type Builder, device } from '../builder.ts';

type Md = ComponentOf<'md'>;
type Geometry = NonNullable<Md['geometry']>;
type Member = Geometry['members'][number];

const kibibyte = 1024;

export const mdBuilder: Builder<Md> = {
  problem({ geometry, uuid }) {
    if (geometry === undefined || uuid === undefined) return 'none of its members could be read when it was captured';
    if (geometry.bitmap?.file !== undefined) return 'its bitmap lay in a file';
    const { level, raidDevices, members } = geometry;
    const isPlain = level === 'raid0' || level === 'linear';
    return isPlain && members.length < raidDevices ? 'one of its members was not there, and it needs all' : undefined;
  },
  mended(array) {
    const { geometry } = array;
    if (geometry === undefined) return undefined;
    const members = geometry.members.map((member, index): Member => {
      const isTaken = geometry.members.some((one, at) => at < index && isActive(one) && one.slot === member.slot);
      if (!isActive(member) || member.slot === undefined || !isTaken) return member;
      const { slot: _, ...rest } = member;
      return { ...rest, role: 'spare' };
    });
    if (members.every((member, index) => member === geometry.members[index])) return undefined;
    return {
      component: { ...array, geometry: { ...geometry, members } },
      note: 'it was being rebuilt; it is made whole, with a spare',
    };
  },
  compared(array, isResized) {
    const { geometry } = array;
    if (isResized && geometry?.metadata === '1.0') {
      // Whether that is all that its members offer depends on the mdadm that makes it.
      const { componentBytes: _, ...rest } = geometry;
      return { ...array, geometry: rest };
    }
    // With one missing it makes its parity anew on the last, and so that place is the one that stays empty.
    if (geometry?.level !== 'raid6' || geometry.members.filter(isActive).length !== geometry.raidDevices - 1)
      return array;
    const members = geometry.members.map((member): Member => {
      const { slot: _, ...rest } = member;
      return rest;
    });
    return { ...array, geometry: { ...geometry, members } };
  },
  path: ({ uuid = '' }) => `/dev/disk/by-id/md-uuid-${grouped(uuid)}`,
  release: ({ id, state }) => (state === 'stopped' ? [] : [{ argv: ['mdadm', '--stop', device(id)], okCodes: [0, 1] }]),
  create({ id, uuid = '', geometry, on }) {
    if (geometry === undefined) return [];
    const words = createWords(geometry, grouped(uuid));
    const flags = flagCommands(id, geometry);
    const undo: Command[] = [
      { argv: ['udevadm', 'settle'] },
      { argv: ['sh', '-euc', stopHalf, 'sh', ...on.map(device)] },
      { argv: ['mdadm', '--zero-superblock', '--force', ...on.map(device)], okCodes: [0, 1, 2] },
    ];
    return [
      {
        title: `make the array ${geometry.name ?? id} (${geometry.level})`,
        commands: [{ argv: ['mdadm', ...words] }, { argv: ['udevadm', 'settle'] }, ...flags],
        again: undo,
      },
    ];
  },
};

/** An array that got its members and was not started has no name by which it could be asked for: the kernel knows who holds them. */
const stopHalf = `
for member; do
  for holder in /sys/class/block/"$(basename "$(realpath -- "$member")")"/holders/md*; do
    [ ! -e "$holder" ] || mdadm --stop "/dev/\${holder##*/}" || true
  done
done
`;

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
  const spares = sparesOf(members).length;
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
          ...(bitmap.delaySeconds === undefined ? [] : [`--delay=${bitmap.delaySeconds}`]),
          ...(bitmap.writeBehind === undefined ? [] : [`--write-behind=${bitmap.writeBehind}`]),
        ]
      : consistency === undefined || consistency === 'journal'
        ? []
        : [`--consistency-policy=${consistency}`]),
    ...(journal === undefined ? [] : ['--write-journal', device(journal.on)]),
    ...(spares === 0 ? [] : [`--spare-devices=${spares}`]),
    ...memberWords(geometry),
  ];
}

/** Flags of single members: mdadm sets one for all members that follow it. */
const flagNames = ['write-mostly', 'failfast'] as const;

/** Each in its place, and spares behind them, with the flags that can be told there. */
function memberWords(geometry: Geometry): Word[] {
  const places = placesOf(geometry);
  return places.flatMap((member, index) => [
    ...flagNames.flatMap((flag) => (firstOf(flag, places) === index ? [`--${flag}`] : [])),
    member === undefined ? 'missing' : device(member.on),
  ]);
}

/** Where a flag begins that all members from there on have; `undefined` where there are none such, or others among them. */
function firstOf(flag: string, places: readonly (Member | undefined)[]): number | undefined {
  const first = places.findIndex((member) => member?.flags?.includes(flag) === true);
  const isRest = first >= 0 && places.slice(first).every((member) => member?.flags?.includes(flag) === true);
  return isRest ? first : undefined;
}

/** The flags of members before others that have none, by the kernel, once the array runs. */
function flagCommands(id: string, geometry: Geometry): Command[] {
  const places = placesOf(geometry);
  return flagNames.flatMap((flag): Command[] => {
    const flagged = places.flatMap((member) => (member?.flags?.includes(flag) === true ? [device(member.on)] : []));
    if (flagged.length === 0 || firstOf(flag, places) !== undefined) return [];
    return [{ argv: ['sh', '-euc', setFlag, 'sh', flag.replace('-', ''), device(id), ...flagged] }];
  });
}

const setFlag = `
flag=$1; array=$(basename "$(realpath "$2")"); shift 2
for member in "$@"; do echo "$flag" > "/sys/block/$array/md/dev-$(basename "$(realpath "$member")")/state"; done
`;

/** Where the data begin, which mdadm otherwise chooses by the size of the members. */
function dataOffset({ metadata, members }: Geometry): string[] {
  const offsets = new Set(members.flatMap(({ dataOffsetBytes }) => dataOffsetBytes ?? []));
  const [offset, ...others] = offsets;
  if (metadata === '0.90' || metadata === '1.0' || offset === undefined || others.length > 0) return [];
  return [`--data-offset=${offset / kibibyte}K`];
}

const isActive = ({ role = 'active' }: Member): boolean => role === 'active';
const sparesOf = (members: readonly Member[]): readonly Member[] => members.filter(({ role }) => role === 'spare');

/** Each member in its place, nothing where there was none; then the spares. */
function placesOf({ members, raidDevices }: Geometry): readonly (Member | undefined)[] {
  const active = Array.from({ length: raidDevices }, (_, slot) =>
    members.find((one) => one.slot === slot && isActive(one)),
  );
  return [...active, ...sparesOf(members)];
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
