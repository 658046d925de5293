/** Volume groups of LVM in random layouts, each volume on physical ones that had room for it. */
import * as fc from 'fast-check';
import type { Component, ComponentOf } from '../../src/layout/types.ts';
import { ExtentPool } from './extent-pool.ts';
import { contentOf, contentShape, type Content, type Stacking } from './random-contents.ts';

const extent = 4 << 20;

type Type = 'linear' | 'striped' | 'raid1' | 'thin-pool';

export interface VolumeShape {
  readonly type: Type;
  /** Of the group, in per cent. */
  readonly part: number;
  readonly content: Content;
  /** Of a pool: what stands on it, and how large that says it is, of the pool, in per cent. */
  readonly thin: readonly { readonly part: number; readonly content: Content }[];
}

export interface GroupShape {
  readonly name: 'data' | 'system';
  readonly volumes: readonly VolumeShape[];
}

/** Volumes that stand on volumes make no group of their own. */
const onVolume = contentShape.map((one): Content => (one.kind === 'lvm' ? { ...one, kind: 'ext' } : one));

export const groupShape: fc.Arbitrary<GroupShape> = fc.record({
  name: fc.constantFrom('data' as const, 'system' as const),
  volumes: fc.array(
    fc.record({
      type: fc.constantFrom<Type>('linear', 'linear', 'striped', 'raid1', 'thin-pool'),
      part: fc.integer({ min: 3, max: 45 }),
      content: onVolume,
      thin: fc.array(fc.record({ part: fc.integer({ min: 20, max: 200 }), content: onVolume }), { maxLength: 2 }),
    }),
    { maxLength: 4 },
  ),
});

export function groupsOf(shape: GroupShape, physical: readonly string[], name: string, stacking: Stacking): void {
  if (physical.length === 0) return;
  const { components } = stacking;
  const extentsOf = (id: string): number => {
    const one = components.find((component) => component.id === id);
    return one?.kind === 'pv' ? (one.extents ?? 0) : 0;
  };
  const pool = new ExtentPool(new Map(physical.map((id) => [id, extentsOf(id)])));
  const extents = pool.free();
  const vg = `vg:${name}`;
  const hasPool = shape.volumes.some(({ type }) => type === 'thin-pool');
  const spare = hasPool ? pool.linear(1) : undefined;
  components.push({
    kind: 'vg',
    id: vg,
    on: [...physical],
    uuid: name,
    name: `${shape.name}${name.slice(1)}`,
    extentBytes: extent,
    extents,
    sizeBytes: extents * extent,
    ...(spare === undefined ? {} : { metadataSpareBytes: extent }),
  });
  shape.volumes.forEach((one, index) => {
    const count = Math.floor((extents * one.part) / 150);
    if (count < 20) return;
    const made = volumeOf(one.type, count, pool, { id: `lv:${name}-${index}`, on: [vg], name: `v${index}` });
    if (made === undefined || (one.type === 'thin-pool' && spare === undefined)) return;
    components.push(made);
    if (one.type === 'thin-pool') thinOf(one, made, stacking);
    else contentOf(one.content, made.id, made.sizeBytes, '', stacking);
  });
}

type Lv = ComponentOf<'lv'>;
type Common = Pick<Lv, 'id' | 'on' | 'name'>;

/** `undefined` where the group has no room for it. */
function volumeOf(type: Type, count: number, pool: ExtentPool, common: Common): Lv | undefined {
  const base = { kind: 'lv' as const, ...common, uuid: common.id };
  const { name } = common;
  switch (type) {
    case 'linear': {
      const areas = pool.linear(count);
      if (areas === undefined) return undefined;
      let start = 0;
      const segments = areas.map((area) => {
        const segment = { type, start, extents: area.count, areas: [area.text] };
        start += area.count;
        return segment;
      });
      return { ...base, sizeBytes: count * extent, segments };
    }
    case 'striped': {
      const own = Math.floor(count / 2);
      const legs = pool.apart(2, own);
      if (legs === undefined) return undefined;
      const areas = legs.map(({ text }) => text);
      const segments = [{ type, start: 0, extents: own * 2, stripes: 2, stripeBytes: 65_536, areas }];
      return { ...base, sizeBytes: own * 2 * extent, segments };
    }
    case 'raid1': {
      const legs = pool.apart(2, count + 1);
      if (legs === undefined) return undefined;
      const segment = {
        type,
        start: 0,
        extents: count,
        stripes: 2,
        regionBytes: 2 << 20,
        areas: legs.map((_, leg) => `${name}_rimage_${leg}:0-${count - 1}`),
        metadataAreas: legs.map((_, leg) => `${name}_rmeta_${leg}:0-0`),
      };
      const parts = legs.flatMap((leg, number) => [
        partOf(`${name}_rimage_${number}`, leg.part(1, count), count),
        partOf(`${name}_rmeta_${number}`, leg.part(0, 1), 1),
      ]);
      return { ...base, sizeBytes: count * extent, segments: [segment], parts, layout: ['raid', 'raid1'] };
    }
    case 'thin-pool': {
      const data = pool.apart(1, count);
      const metadata = pool.apart(1, 1);
      const [at] = data ?? [];
      const [tables] = metadata ?? [];
      if (at === undefined || tables === undefined) return undefined;
      const segments = [
        { type, start: 0, extents: count, chunkBytes: 65_536, areas: [`${name}_tdata:0-${count - 1}`] },
      ];
      return {
        ...base,
        sizeBytes: count * extent,
        segments,
        layout: ['thin', 'pool'],
        metadataBytes: extent,
        parts: [partOf(`${name}_tdata`, at.text, count), partOf(`${name}_tmeta`, tables.text, 1)],
      };
    }
  }
}

type Part = NonNullable<Lv['parts']>[number];

const partOf = (name: string, area: string, extents: number): Part => ({
  name,
  sizeBytes: extents * extent,
  segments: [{ type: 'linear', start: 0, extents, areas: [area] }],
});

function thinOf({ thin }: VolumeShape, pool: Lv, stacking: Stacking): void {
  thin.forEach(({ part, content }, index) => {
    const extents = Math.max(20, Math.floor(((pool.sizeBytes / extent) * part) / 100));
    const id = `${pool.id}-${index}`;
    const volume: Component = {
      kind: 'lv',
      id,
      on: [pool.id],
      uuid: id,
      name: `${pool.name}t${index}`,
      sizeBytes: extents * extent,
      segments: [{ type: 'thin', start: 0, extents, areas: [] }],
      layout: ['thin', 'sparse'],
      pool: pool.name,
    };
    stacking.components.push(volume);
    // All that they hold is in the pool.
    const full = Math.min(content.full, Math.floor(90 / Math.max(1, (thin.length * part) / 100)));
    contentOf({ ...content, full }, id, volume.sizeBytes, '', stacking);
  });
}
