/** Everything of a machine with several disks is made on one of them. */
import { LifeboatError } from '../../../kernel/errors.ts';
import { present } from '../../../kernel/present.ts';
import type { Component, ComponentOf, Layout } from '../../types.ts';
import { siteOf } from '../site.ts';
import { edited, emptied, find, nameOf, ofKind, restacked, standingOn, withChanged } from './edit.ts';
import { unraided } from './no-raid.ts';
import { plain } from './no-thin.ts';
import { appended, espTypes, isBootPartition, partitionsIn, retyped, typeIdFor, widened } from './partitions.ts';
import type { Rewrite, Rewritten } from './rewrite.ts';
import { tableOn } from './uefi.ts';
import { withNames } from '../retarget.ts';

type Table = ComponentOf<'table'>;
type Partition = ComponentOf<'partition'>;

export const oneDisk: Rewrite<ComponentOf<'disk'>> = {
  rule: 'one-disk',
  kinds: ['disk'],
  problem(disk, layout) {
    if (tableOn(layout, disk.id) === undefined) return 'it has no partition table that anything could be added to';
    return othersThan(disk.id, layout).length === 0 ? 'nothing stands on another disk' : undefined;
  },
  rewrite(disk, layout) {
    const steps: ((now: Layout) => Rewritten)[] = [
      ...arraysOver(layout).map((id) => (now: Layout) => withoutArray(id, disk.id, now)),
      (now) => ({ layout: gathered(disk.id, now), notes: [] }),
      joinedGroups,
      joinedBtrfs,
    ];
    const others = othersThan(disk.id, layout);
    return steps.reduce<Rewritten>(
      (before, step) => {
        const { layout: after, notes } = step(before.layout);
        return { layout: after, notes: [...before.notes, ...notes] };
      },
      { layout, notes: [`all is on ${disk.id} alone; what lay on ${others.join(', ')}, too`] },
    );
  },
};

const othersThan = (disk: string, layout: Layout): string[] =>
  ofKind(layout, 'disk')
    .map(({ id }) => id)
    .filter((id) => id !== disk && standingOn(layout, id).length > 0);

/** Those on several disks, from the top down. */
function arraysOver(layout: Layout): string[] {
  const { order, disksUnder } = siteOf(layout.components);
  return order.flatMap(({ kind, id }) => (kind === 'md' && disksUnder(id).length > 1 ? [id] : [])).toReversed();
}

function withoutArray(id: string, disk: string, layout: Layout): Rewritten {
  const array = find(layout, id);
  if (array.kind !== 'md') return { layout, notes: [] };
  const { disksUnder } = siteOf(layout.components);
  const home = array.on.find((member) => disksUnder(member).includes(disk)) ?? array.on[0] ?? '';
  return unraided(array, layout, home);
}

/** What is on other disks lies in partitions of this one. */
function gathered(disk: string, layout: Layout): Layout {
  const target = tableOn(layout, disk);
  if (target === undefined) return layout;
  return othersThan(disk, layout).reduce((now, other) => {
    const table = tableOn(now, other);
    return table === undefined ? wholeMoved(other, target, now) : partitionsMoved(table, target, now);
  }, layout);
}

function wholeMoved(other: string, target: Table, layout: Layout): Layout {
  const disk = find(layout, other);
  const sizeBytes = 'sizeBytes' in disk ? (disk.sizeBytes ?? 0) : 0;
  const typeId = typeIdFor(standingOn(layout, other)[0], target);
  const { layout: wider, partition } = appended(withRoom(target, 1, layout), target, {
    seed: other,
    sizeBytes,
    typeId,
  });
  return restacked(wider, new Set([other]), partition.id);
}

/** Those that start a machine stay behind where this disk has one of the same sort. */
function partitionsMoved(table: Table, target: Table, layout: Layout): Layout {
  const own = new Set(partitionsIn(layout, target).map(sortOf));
  const all = partitionsIn(layout, table);
  const spare = all.filter((one) => isBootPartition(one) && own.has(sortOf(one)));
  const rest = all.filter((one) => one.role !== 'extended' && !spare.includes(one));
  const bare = emptied(
    withRoom(target, rest.length, layout),
    spare.map(({ id }) => id),
  );
  const moved = rest.reduce((now, one) => partitionMoved(one, target, now), bare);
  const gone = new Set([table.id, ...all.filter(({ role }) => role === 'extended').map(({ id }) => id)]);
  return edited(moved, (one) => (gone.has(one.id) ? [] : [one]));
}

const sortOf = ({ typeId = '' }: Partition): string =>
  typeId.toLowerCase() === espTypes.dos ? espTypes.gpt : typeId.toLowerCase();

function partitionMoved(partition: Partition, target: Table, layout: Layout): Layout {
  const { id, sizeBytes, typeId = '', name, partUuid } = partition;
  const type =
    typeId.startsWith('0x') === (target.type === 'dos') ? typeId : typeIdFor(standingOn(layout, id)[0], target);
  const gone = edited(layout, (one) => (one.id === id ? [] : [one]));
  const { layout: wider, partition: made } = appended(gone, target, {
    seed: id,
    sizeBytes,
    typeId: type,
    // An MBR holds neither.
    ...(target.type === 'gpt' ? present({ name, partUuid: partUuid?.length === 36 ? partUuid : undefined }) : {}),
  });
  return withNames(wider, new Map([[id, made.id]]));
}

function withRoom(target: Table, more: number, layout: Layout): Layout {
  const primary = partitionsIn(layout, target).filter(({ role }) => role !== 'logical').length + more;
  if (target.type !== 'dos' || primary <= 4) return layout;
  throw new LifeboatError('unsupported', `the MBR of ${target.on.join(', ')} has no room for ${more} partitions more`, {
    hint: `A GPT has: --rewrite uefi=${target.on[0]} before, or leave something out with --exclude.`,
  });
}

/** Groups with several physical volumes on one disk have one, and so no volume that is spread or mirrored. */
function joinedGroups(layout: Layout): Rewritten {
  const groups = ofKind(layout, 'vg').filter(({ on }) => on.length > 1);
  return groups.reduce<Rewritten>(
    (before, group) => {
      const joined = joinedGroup(group, before.layout);
      return { layout: joined.layout, notes: [...before.notes, ...joined.notes] };
    },
    { layout, notes: [] },
  );
}

function joinedGroup(group: ComponentOf<'vg'>, layout: Layout): Rewritten {
  const { disksUnder } = siteOf(layout.components);
  const [first = '', ...others] = group.on;
  const place = find(layout, first).on[0] ?? '';
  const parts = others.flatMap((id) => find(layout, id).on).map((id) => find(layout, id));
  const isPlain = [find(layout, place), ...parts].every(({ kind }) => kind === 'partition');
  if (disksUnder(group.id).length > 1 || !isPlain) return { layout, notes: [] };
  const more = parts.reduce((total, one) => total + ('sizeBytes' in one ? (one.sizeBytes ?? 0) : 0), 0);
  const one = emptied(restacked(layout, new Set(others), first), others);
  const volumes = ofKind(one, 'lv').filter(({ on, segments }) => on.includes(group.id) && segments.some(isSpread));
  return {
    layout: volumes.reduce(
      (now, volume) => withChanged(now, plain(volume, group.id, now)),
      withoutPlaces(group.id, widened(one, place, more)),
    ),
    notes: volumes.map((volume) => `${nameOf(volume)} in ${group.name} is neither mirrored nor spread any more`),
  };
}

const isSpread = ({ type }: ComponentOf<'lv'>['segments'][number]): boolean => /^(striped|raid|mirror)/.test(type);

/** Volumes lie where there is room: what they lay on is not there. */
function withoutPlaces(group: string, layout: Layout): Layout {
  return edited(layout, (one) => {
    if (one.kind !== 'lv' || !one.on.includes(group)) return [one];
    return [{ ...one, segments: one.segments.map((segment) => ({ ...segment, areas: [] })) }];
  });
}

/** A btrfs on several partitions of one disk has one. */
function joinedBtrfs(layout: Layout): Rewritten {
  const { disksUnder } = siteOf(layout.components);
  const wide = ofKind(layout, 'btrfs').filter(({ id, on }) => on.length > 1 && disksUnder(id).length === 1);
  return {
    layout: wide.reduce((now, one) => onOnePartition(one, now), layout),
    notes: wide.map((one) => `${nameOf(one)} has its data once, on one device`),
  };
}

function onOnePartition(filesystem: ComponentOf<'btrfs'>, layout: Layout): Layout {
  const { on, geometry } = filesystem;
  const [first = '', ...others] = on;
  const sizes = on.map((id) => find(layout, id)).map((one) => ('sizeBytes' in one ? (one.sizeBytes ?? 0) : 0));
  const isCopied = geometry?.profiles?.['data']?.some((profile) => profile.startsWith('raid1')) === true;
  const more = isCopied ? 0 : sizes.slice(1).reduce((total, size) => total + size, 0);
  const sizeBytes = (sizes[0] ?? 0) + more;
  const alone: Component = {
    ...filesystem,
    on: [first],
    sizeBytes,
    ...(geometry === undefined
      ? {}
      : {
          geometry: {
            ...geometry,
            deviceCount: 1,
            devices: [{ devid: 1, sizeBytes, on: first }],
            profiles: { data: ['single'], metadata: ['dup'], system: ['dup'] },
          },
        }),
  };
  return retyped(widened(emptied(withChanged(layout, alone), others), first, more), first);
}
