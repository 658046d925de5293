/** Random layouts for property tests: disks with tables or without, arrays, encrypted volumes, volume groups and filesystems on them. */
import * as fc from 'fast-check';
import { type Component, type Layout, parseLayout } from '../../src/layout/types.ts';
import { arrayOf, type ArrayShape, arrayShape } from './random-arrays.ts';
import { type Content, contentOf, contentShape, type Stacking, uuidOf } from './random-contents.ts';
import { groupsOf, type GroupShape, groupShape } from './random-groups.ts';

const mib = 1 << 20;

interface PartitionShape {
  readonly mib: number;
  readonly gapMib: number;
  readonly content: Content;
}

interface DiskShape {
  readonly sector: 512 | 4096;
  /** `none`: one thing has the whole disk. */
  readonly table: 'gpt' | 'dos' | 'none';
  readonly partitions: readonly PartitionShape[];
  /** Of an MBR: whether all after the second are logical ones. */
  readonly logical: boolean;
  readonly slackMib: number;
  /** Sectors by which it is no whole MiB, as most disks are none. */
  readonly odd: number;
}

interface Shape {
  readonly disks: readonly DiskShape[];
  readonly groups: readonly GroupShape[];
  readonly arrays: readonly ArrayShape[];
}

const partition: fc.Arbitrary<PartitionShape> = fc.record({
  mib: fc.integer({ min: 400, max: 20_000 }),
  gapMib: fc.integer({ min: 0, max: 16 }),
  content: contentShape,
});

const shape: fc.Arbitrary<Shape> = fc.record({
  disks: fc.array(
    fc.record({
      sector: fc.constantFrom(512 as const, 512 as const, 4096 as const),
      table: fc.constantFrom('gpt' as const, 'gpt' as const, 'dos' as const, 'none' as const),
      partitions: fc.array(partition, { minLength: 1, maxLength: 4 }),
      logical: fc.boolean(),
      slackMib: fc.integer({ min: 8, max: 300 }),
      odd: fc.integer({ min: 0, max: 255 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  groups: fc.tuple(groupShape, groupShape),
  arrays: fc.array(arrayShape, { maxLength: 2 }),
});

/** A machine with these stacks, its layout whole and valid. */
export const randomLayout: fc.Arbitrary<Layout> = shape.map((one) => layoutOf(one, 'S'));
/** Another with disks and identities of its own; names of its groups may be the same. */
export const otherLayout: fc.Arbitrary<Layout> = shape.map((one) => layoutOf(one, 'T'));

function layoutOf({ disks, groups, arrays }: Shape, prefix: string): Layout {
  const components: Component[] = [];
  const stacking: Stacking = { components, physical: [[], []] };
  const tabled = disks.flatMap(({ table }, index) => (table === 'none' ? [] : [index]));
  const arraysOn = arrays.map((one) => ({ ...one, on: one.rotated(tabled) })).filter(({ on }) => on.length > 0);
  const members = arraysOn.map((): string[] => []);
  disks.forEach(({ sector, table, partitions, logical, slackMib, odd }, index) => {
    const id = `disk:${prefix}${index}`;
    const disk = (end: number): Component => ({
      kind: 'disk',
      id,
      on: [],
      device: `/dev/sd${String.fromCharCode(97 + index)}`,
      serial: `${prefix}${index}`,
      sizeBytes: end + slackMib * mib + odd * sector,
      logicalSector: sector,
      rotational: false,
      removable: false,
      readOnly: false,
    });
    const [first] = partitions;
    if (table === 'none') {
      const bytes = (first?.mib ?? 1) * mib;
      components.push(disk(bytes));
      if (first !== undefined) contentOf(first.content, id, sizeOf(components, id), prefix, stacking);
      return;
    }
    const name = (number: number): string => `partition:${prefix}${index}-${number}`;
    const lengths = [
      ...partitions.map((one) => ({ bytes: one.mib * mib, gap: one.gapMib * mib, content: one.content, array: -1 })),
      ...arraysOn.flatMap(({ on, mib: own }, array) =>
        on.includes(index) ? [{ bytes: own * mib, gap: 0, content: undefined, array }] : [],
      ),
    ];
    const rows = placed(lengths, table === 'dos' && (logical || lengths.length > 4));
    const end = Math.max(...rows.map(({ start, bytes }) => start + bytes));
    const tableId = `table:${id}`;
    components.push(disk(end), {
      kind: 'table',
      id: tableId,
      on: [id],
      type: table,
      uuid: table === 'gpt' ? uuidOf(`${prefix}${index}`) : `0x1b2c3d${index}${prefix === 'S' ? 'a' : 'b'}`,
      geometry: { sectorSize: sector, alignmentBytes: mib, ...(table === 'gpt' ? { entries: 128 } : {}) },
    });
    const extended = rows.find(({ role }) => role === 'extended');
    for (const { number, role, start, bytes } of rows) {
      components.push({
        kind: 'partition',
        id: name(number),
        on: [role === 'logical' && extended !== undefined ? name(extended.number) : tableId],
        device: `/dev/sd${String.fromCharCode(97 + index)}${number}`,
        number,
        role,
        startBytes: start,
        sizeBytes: bytes,
        typeId: table === 'gpt' ? '0fc63daf-8483-4772-8e79-3d69d8477de4' : role === 'extended' ? '0x5' : '0x83',
        ...(table === 'gpt' ? { partUuid: uuidOf(name(number)) } : {}),
      });
    }
    for (const { number, bytes, content, array } of rows) {
      if (content !== undefined) contentOf(content, name(number), bytes, prefix, stacking);
      if (array >= 0) members[array]?.push(name(number));
    }
  });
  arraysOn.forEach((one, index) => arrayOf(one, members[index] ?? [], `${prefix}${index}`, stacking));
  groups.forEach((group, index) => groupsOf(group, stacking.physical[index] ?? [], `${prefix}${index}`, stacking));
  return parseLayout({ format: 'lifeboat.layout/1', capturedAt: '2026-11-21T12:00:00.000Z', components, gaps: [] });
}

interface Row {
  readonly bytes: number;
  readonly gap: number;
  readonly content: Content | undefined;
  readonly array: number;
}

interface PlacedRow extends Omit<Row, 'gap'> {
  readonly number: number;
  readonly role: 'primary' | 'extended' | 'logical';
  readonly start: number;
}

/** One behind the other; with an extended partition around all after the second, and a MiB before each in it. */
function placed(rows: readonly Row[], isExtended: boolean): PlacedRow[] {
  const result: PlacedRow[] = [];
  let at = mib;
  const primaries = isExtended ? rows.slice(0, 2) : rows;
  primaries.forEach(({ bytes, gap, content, array }, index) => {
    result.push({ number: index + 1, role: 'primary', start: at + gap, bytes, content, array });
    at += gap + bytes;
  });
  const logicals = isExtended ? rows.slice(2) : [];
  if (logicals.length === 0) return result;
  const start = at;
  const inner = logicals.map(({ bytes, gap, content, array }, index): PlacedRow => {
    const own = at + mib + gap;
    at = own + bytes;
    return { number: index + 5, role: 'logical', start: own, bytes, content, array };
  });
  const extended = { number: 3, role: 'extended' as const, start, bytes: at - start, content: undefined, array: -1 };
  return [...result, extended, ...inner];
}

function sizeOf(components: readonly Component[], id: string): number {
  const found = components.find((one) => one.id === id);
  return found !== undefined && 'sizeBytes' in found ? (found.sizeBytes ?? 0) : 0;
}
