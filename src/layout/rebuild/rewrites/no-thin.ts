/** The volumes of a thin pool become plain ones, each with all of its room. */
import type { ComponentOf, Layout } from '../../types.ts';
import { edited, ofKind } from './edit.ts';
import type { Rewrite } from './rewrite.ts';

type Lv = ComponentOf<'lv'>;

const isPool = ({ segments: [first] }: Lv): boolean => first?.type === 'thin-pool';
const volumesIn = (layout: Layout, pool: Lv): Lv[] => ofKind(layout, 'lv').filter(({ on }) => on.includes(pool.id));

export const noThin: Rewrite<ComponentOf<'lv'>> = {
  rule: 'no-thin',
  kinds: ['lv'],
  problem(pool, layout) {
    if (!isPool(pool)) return 'it is no thin pool';
    const copy = volumesIn(layout, pool).find(({ origin }) => origin !== undefined);
    return copy === undefined ? undefined : `${copy.name} in it is a snapshot of ${copy.origin}: leave it out first`;
  },
  rewrite(pool, layout) {
    const [under = ''] = pool.on;
    const volumes = new Map(volumesIn(layout, pool).map((one) => [one.id, one]));
    const isLast = ofKind(layout, 'lv').every((one) => one.id === pool.id || !isPool(one) || one.on[0] !== under);
    return {
      layout: edited(layout, (component) => {
        if (component.id === pool.id) return [];
        // What was set aside to repair a pool with is not needed without one.
        if (component.id === under && component.kind === 'vg' && isLast) {
          const { metadataSpareBytes: _, ...group } = component;
          return [group];
        }
        const volume = volumes.get(component.id);
        return [volume === undefined ? component : plain(volume, under, layout)];
      }),
      notes: [
        `the volumes of the thin pool ${pool.name} are plain ones: ${[...volumes.values()].map(({ name }) => name).join(', ')}`,
      ],
    };
  },
};

/** As one piece of its group. */
export function plain(volume: Lv, under: string, layout: Layout): Lv {
  const group = layout.components.find(({ id }) => id === under);
  const extent = (group?.kind === 'vg' ? group.extentBytes : undefined) ?? 4 << 20;
  const { pool: _pool, parts: _parts, raid: _raid, metadataBytes: _bytes, whenFull: _full, ...rest } = volume;
  return {
    ...rest,
    on: [under],
    layout: ['linear'],
    segments: [{ type: 'linear', start: 0, extents: Math.ceil(volume.sizeBytes / extent), areas: [] }],
  };
}
