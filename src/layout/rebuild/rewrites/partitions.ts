/** Partitions as rules need them: of another type, with more room, and new ones behind the others. */
import type { Component, ComponentOf, Kind, Layout } from '../../types.ts';
import { roundUp } from '../room.ts';
import { derivedUuid, edited, find, ofKind, standingOn } from './edit.ts';

type Partition = ComponentOf<'partition'>;
type Table = ComponentOf<'table'>;

const mebibyte = 1 << 20;

export const espTypes = { gpt: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b', dos: '0xef' } as const;
export const biosBootType = '21686148-6449-6e6f-744e-656564454649';
const bootTypes: ReadonlySet<string> = new Set([espTypes.gpt, espTypes.dos, biosBootType]);

/** It holds what starts a machine and nothing else. */
export const isBootPartition = ({ typeId = '' }: Partition): boolean => bootTypes.has(typeId.toLowerCase());

const typeIds: { readonly [K in Kind]?: Readonly<Record<'gpt' | 'dos', string>> } = {
  md: { gpt: 'a19d880f-05fc-4d3b-a006-743f0f84911e', dos: '0xfd' },
  pv: { gpt: 'e6d6d379-f507-44c2-a23c-238f2a3df928', dos: '0x8e' },
  swap: { gpt: '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f', dos: '0x82' },
};
const usual = { gpt: '0fc63daf-8483-4772-8e79-3d69d8477de4', dos: '0x83' } as const;

/** The type that says what is on it. */
export function typeIdFor(content: Component | undefined, table: Table): string {
  const type = table.type === 'dos' ? 'dos' : 'gpt';
  return (content === undefined ? undefined : typeIds[content.kind])?.[type] ?? usual[type];
}

/** The table that a partition is in, also by way of an extended one. */
export function tableOf(layout: Layout, { on }: Partition): Table | undefined {
  const [below = ''] = on;
  const under = find(layout, below);
  if (under.kind === 'partition') return tableOf(layout, under);
  return under.kind === 'table' ? under : undefined;
}

/** Partitions of a table in their order on the disk. */
export function partitionsIn(layout: Layout, table: Table): Partition[] {
  return ofKind(layout, 'partition')
    .filter((one) => tableOf(layout, one)?.id === table.id)
    .sort((a, b) => (a.startBytes ?? 0) - (b.startBytes ?? 0));
}

/** The layout with a partition of that many bytes more; those behind it give way. */
export function widened(layout: Layout, id: string, bytes: number): Layout {
  const partition = find(layout, id);
  if (bytes <= 0 || partition.kind !== 'partition') return layout;
  const table = tableOf(layout, partition);
  const more = roundUp(bytes, mebibyte);
  return edited(layout, (one) => {
    if (one.kind !== 'partition') return [one];
    if (one.id === id) return [{ ...one, sizeBytes: one.sizeBytes + more }];
    const isBehind = (one.startBytes ?? 0) > (partition.startBytes ?? 0) && tableOf(layout, one)?.id === table?.id;
    return [isBehind ? { ...one, startBytes: (one.startBytes ?? 0) + more } : one];
  });
}

interface NewPartition {
  /** What its UUID is made of, where it has none yet. */
  readonly seed: string;
  readonly sizeBytes: number;
  readonly typeId: string;
  readonly name?: string;
  readonly partUuid?: string;
}

/** A new partition behind all others of a table, with the first number that is free. */
export function appended(
  layout: Layout,
  table: Table,
  { seed, sizeBytes, typeId, name, partUuid = derivedUuid('partition', seed) }: NewPartition,
): { readonly layout: Layout; readonly partition: Partition } {
  const others = partitionsIn(layout, table);
  const end = Math.max(mebibyte, ...others.map((one) => (one.startBytes ?? 0) + one.sizeBytes));
  const numbers = new Set(others.map(({ number }) => number));
  const number =
    Array.from({ length: others.length + 1 }, (_, index) => index + 1).find((one) => !numbers.has(one)) ?? 1;
  const uuid = table.type === 'dos' ? mbrUuid(table, number) : partUuid;
  const partition: Partition = {
    kind: 'partition',
    id: `partition:${uuid}`,
    on: [table.id],
    device: '',
    number,
    sizeBytes: roundUp(sizeBytes, mebibyte),
    startBytes: roundUp(end, mebibyte),
    typeId,
    partUuid: uuid,
    ...(table.type === 'dos' ? { role: 'primary' as const } : {}),
    ...(name === undefined ? {} : { name }),
  };
  return { layout: { ...layout, components: [...layout.components, partition] }, partition };
}

/** In an MBR the signature of the table and the number are what a partition is known by. */
export const mbrUuid = ({ uuid = '' }: Table, number: number): string =>
  `${uuid.slice(2)}-${number.toString(16).padStart(2, '0')}`;

/** A partition says what is on it now. */
export function retyped(layout: Layout, id: string): Layout {
  const partition = find(layout, id);
  if (partition.kind !== 'partition' || isBootPartition(partition)) return layout;
  const table = tableOf(layout, partition);
  if (table === undefined) return layout;
  const typeId = typeIdFor(standingOn(layout, id)[0], table);
  return edited(layout, (one) => [one.id === id ? { ...partition, typeId } : one]);
}
