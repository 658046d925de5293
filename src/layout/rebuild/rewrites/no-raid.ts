/** What lay on an array lies on one of its members alone: a mirror becomes one disk, and so does what was spread. */
import type { ComponentOf, Layout } from '../../types.ts';
import { siteOf } from '../site.ts';
import { emptied, find, nameOf, ofKind, restacked, standingOn } from './edit.ts';
import { isBootPartition, partitionsIn, retyped, widened } from './partitions.ts';
import type { Rewrite, Rewritten } from './rewrite.ts';

type Md = ComponentOf<'md'>;

export const noRaid: Rewrite<ComponentOf<'md'>> = {
  rule: 'no-raid',
  kinds: ['md'],
  problem(array, layout) {
    const home = homeOf(array);
    if (home === undefined) return 'none of its members is known';
    if (array.on.some((id) => find(layout, id).kind === 'md-container')) return 'its firmware knows it as an array';
    const isDivided = standingOn(layout, array.id).some(({ kind }) => kind === 'table');
    return isDivided && find(layout, home).kind !== 'disk'
      ? 'it has partitions, and its members are partitions'
      : undefined;
  },
  rewrite: (array, layout) => unraided(array, layout, homeOf(array) ?? ''),
};

/** @param home the member that is left */
export function unraided(array: Md, layout: Layout, home: string): Rewritten {
  const place = find(layout, home);
  const lack = (array.sizeBytes ?? 0) - ('sizeBytes' in place ? (place.sizeBytes ?? 0) : 0);
  const above = restacked(layout, new Set([array.id]), home);
  const others = array.on.filter((id) => id !== home);
  const alone = emptied(
    { ...above, components: above.components.filter(({ id }) => id !== array.id) },
    others.filter((id) => find(layout, id).kind !== 'disk'),
  );
  const spared = withoutSpareStarts(widened(alone, home, lack), place.id, layout, others);
  const level = array.geometry?.level ?? 'array';
  const notes = [
    `${nameOf(array)} is no ${level} any more: what it held is on one disk alone, ${disksUnder(layout, home)}`,
  ];
  return { layout: retyped(renamedTable(spared.layout, array.id, home), home), notes: [...notes, ...spared.notes] };
}

function homeOf({ geometry, on }: Md): string | undefined {
  const active = geometry?.members.filter(({ role = 'active' }) => role === 'active') ?? [];
  return active.toSorted((a, b) => (a.slot ?? 0) - (b.slot ?? 0))[0]?.on ?? on[0];
}

const disksUnder = (layout: Layout, id: string): string => siteOf(layout.components).disksUnder(id).join(', ');

/** Disks that carried members and now only what starts a machine, as the disk of the member that is left does, too. */
function withoutSpareStarts(layout: Layout, home: string, before: Layout, members: readonly string[]): Rewritten {
  const site = siteOf(before.components);
  const kept = new Set(site.disksUnder(home));
  const disks = new Set(members.flatMap((id) => site.disksUnder(id)).filter((id) => !kept.has(id)));
  const rolesOf = (disk: string) =>
    ofKind(layout, 'table')
      .filter(({ on }) => on.includes(disk))
      .flatMap((table) => partitionsIn(layout, table));
  const known = new Set([...kept].flatMap((id) => rolesOf(id).map(({ typeId }) => typeId)));
  const isSpare = (one: ComponentOf<'partition'>): boolean =>
    isBootPartition(one) && known.has(one.typeId) && isCopy(layout, one.id);
  const spare = [...disks].filter((disk) => rolesOf(disk).every(isSpare));
  const gone = spare.flatMap((disk) => rolesOf(disk).map(({ id }) => id));
  return {
    layout: emptied(layout, gone),
    notes: spare
      .filter((disk) => rolesOf(disk).length > 0)
      .map((disk) => `${disk} is left out: it would only start the machine`),
  };
}

/** Empty, or a filesystem that nothing shows. */
function isCopy(layout: Layout, id: string): boolean {
  const above = standingOn(layout, id);
  const ids = new Set(above.map((one) => one.id));
  const isShown = ofKind(layout, 'mount').some(({ on }) => on.some((one) => ids.has(one)));
  return above.every(({ kind }) => kind === 'vfat') && !isShown;
}

/** The table of an array is known by what it is on. */
function renamedTable(layout: Layout, array: string, home: string): Layout {
  const [from, to] = [`table:${array}`, `table:${home}`];
  return {
    ...layout,
    components: layout.components.map((one) => ({
      ...one,
      id: one.id === from ? to : one.id,
      on: one.on.map((id) => (id === from ? to : id)),
    })),
  };
}
