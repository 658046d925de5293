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
    if (ofKind(layout, 'md-container').length > 0) return 'the firmware knows disks of this machine as an array';
    return othersThan(disk.id, layout).length === 0 ? 'nothing stands on another disk' : undefined;
  },
  rewrite(disk, layout) {
    const steps: ((now: Layout) => Rewritten)[] = [
      ...arraysOver(layout).map((id) => (now: Layout) => withoutArray(id, disk.id, now)),
      // What reaches onto this disk already has all of its room here; what does not comes over first.
      (now) => joined(disk.id, now),
      (now) => ({ layout: gathered(disk.id, now), notes: [] }),
      (now) => joined(disk.id, now),
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
  const array = ofKind(layout, 'md').find((one) => one.id === id);
  // A member of one that is none any more went with it.
  if (array === undefined) return { layout, notes: [] };
  const { disksUnder } = siteOf(layout.components);
  const home = array.on.find((member) => disksUnder(member).includes(disk)) ?? array.on[0] ?? '';
  return unraided(array, layout, home);
}

/** What is on other disks lies in partitions of this one. */
function gathered(disk: string, layout: Layout): Layout {
  const target = tableOn(layout, disk);
  const [left] = othersThan(disk, layout);
  if (target === undefined && left !== undefined) {
    throw new LifeboatError(
      'unsupported',
      `${disk} has no partitions, so that what is on ${left} cannot lie beside them`,
      {
        hint: `Leave that out with --exclude ${left}, or choose another disk for all.`,
      },
    );
  }
  if (target === undefined) return layout;
  return othersThan(disk, layout).reduce((now, other) => {
    const table = tableOn(now, other);
    return table === undefined ? wholeMoved(other, target, now) : partitionsMoved(table, target, now);
  }, layout);
}

function wholeMoved(other: string, target: Table, layout: Layout): Layout {
  const sizeBytes = sizeOf(find(layout, other));
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

/** Groups and filesystems that reach onto this disk lie on it alone. */
function joined(disk: string, layout: Layout): Rewritten {
  const { disksUnder } = siteOf(layout.components);
  const isHere = ({ id, on }: Component): boolean => on.length > 1 && disksUnder(id).includes(disk);
  const wide = layout.components.filter((one) => (one.kind === 'vg' || one.kind === 'btrfs') && isHere(one));
  return wide.reduce<Rewritten>(
    (before, one) => {
      const { layout: after, notes } =
        one.kind === 'vg' ? joinedGroup(one, disk, before.layout) : joinedBtrfs(one, disk, before.layout);
      return { layout: after, notes: [...before.notes, ...notes] };
    },
    { layout, notes: [] },
  );
}

/** The group has one physical volume with the room of all, and so no volume that is spread or mirrored. */
function joinedGroup(group: Component, disk: string, layout: Layout): Rewritten {
  if (group.kind !== 'vg') return { layout, notes: [] };
  const { disksUnder } = siteOf(layout.components);
  const first = group.on.find((id) => disksUnder(id).includes(disk)) ?? '';
  const others = group.on.filter((id) => id !== first);
  const place = find(layout, first).on[0] ?? '';
  const more = others.reduce((total, id) => total + sizeOf(find(layout, id)), 0);
  const one = emptied(restacked(layout, new Set(others), first), others);
  const volumes = ofKind(one, 'lv').filter(({ on, segments }) => on.includes(group.id) && segments.some(isSpread));
  return {
    layout: volumes.reduce(
      (now, volume) => withChanged(now, plain(volume, group.id, now)),
      gatheredExtents(others, first, widened(one, place, more)),
    ),
    notes: volumes.map((volume) => `${nameOf(volume)} in ${group.name} is neither mirrored nor spread any more`),
  };
}

const sizeOf = (component: Component): number => ('sizeBytes' in component ? (component.sizeBytes ?? 0) : 0);

const isSpread = ({ type }: ComponentOf<'lv'>['segments'][number]): boolean => /^(striped|raid|mirror)/.test(type);

/** Extents on other physical volumes are as many on this one; where they lie is chosen with their number. */
function gatheredExtents(from: readonly string[], to: string, layout: Layout): Layout {
  type Segment = ComponentOf<'lv'>['segments'][number];
  const moved = (area: string): string => {
    const old = from.find((id) => area.startsWith(`${id}:`));
    return old === undefined ? area : `${to}${area.slice(old.length)}`;
  };
  const placed = ({ metadataAreas, ...segment }: Segment): Segment => ({
    ...segment,
    areas: segment.areas.map(moved),
    ...(metadataAreas === undefined ? {} : { metadataAreas: metadataAreas.map(moved) }),
  });
  return edited(layout, (one) => {
    if (one.kind !== 'lv') return [one];
    const parts = one.parts?.map((part) => ({ ...part, segments: part.segments.map(placed) }));
    return [{ ...one, segments: one.segments.map(placed), ...(parts === undefined ? {} : { parts }) }];
  });
}

/** What had copies on other devices has its data once. */
function joinedBtrfs(filesystem: Component, disk: string, layout: Layout): Rewritten {
  if (filesystem.kind !== 'btrfs') return { layout, notes: [] };
  const { disksUnder } = siteOf(layout.components);
  const { on, geometry } = filesystem;
  const first = on.find((id) => disksUnder(id).includes(disk)) ?? '';
  const others = on.filter((id) => id !== first);
  const isCopied = geometry?.profiles?.['data']?.some((profile) => profile.startsWith('raid1')) === true;
  const more = isCopied ? 0 : others.reduce((total, id) => total + sizeOf(find(layout, id)), 0);
  const sizeBytes = sizeOf(find(layout, first)) + more;
  const own = geometry && {
    ...geometry,
    deviceCount: 1,
    devices: [{ devid: 1, sizeBytes, on: first }],
    profiles: { data: ['single'], metadata: ['dup'], system: ['dup'] },
  };
  const alone: Component = { ...filesystem, on: [first], sizeBytes, ...(own === undefined ? {} : { geometry: own }) };
  const narrow = emptied(withChanged(layout, alone), others);
  return {
    layout: retyped(widened(narrow, first, more), first),
    notes: [`${nameOf(filesystem)} has its data once, on one device`],
  };
}
