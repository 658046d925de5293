/** What a logical volume is made of: its segments, and the inner volumes that they lie on. */
import { z } from 'zod';
import { present } from '../../../kernel/present.ts';
import { bytes, text } from '../../handler.ts';
import type { Row } from '../../tools/lvm.ts';

export const segmentSchema = z.object({
  /** `linear`, `striped`, `raid1`, `thin-pool`, `cache`, … */
  type: z.string(),
  start: z.number(),
  /** Of the group's size. */
  extents: z.number(),
  /** Legs in all, those that hold data, and copies of each byte, where there are more than one. */
  stripes: z.number().exactOptional(),
  dataStripes: z.number().exactOptional(),
  dataCopies: z.number().exactOptional(),
  stripeBytes: bytes.exactOptional(),
  regionBytes: bytes.exactOptional(),
  chunkBytes: bytes.exactOptional(),
  /** Of thin pools. */
  discards: text,
  zero: z.boolean().exactOptional(),
  cacheMode: text,
  cacheFormat: text,
  cachePolicy: text,
  /** `name=value`, with commas between them; of write caches too. */
  cacheSettings: text,
  vdo: z.record(z.string(), z.string()).exactOptional(),
  /** As LVM writes places: what it lies on, first extent and last: `pv:<UUID>:0-39`, `home_rimage_0:0-7`. */
  areas: z.array(z.string()),
  metadataAreas: z.array(z.string()).exactOptional(),
});

export type Segment = z.infer<typeof segmentSchema>;

/** The name of a volume; inner ones stand in brackets. */
export const nameOf = (row: Row, column = 'lv_name'): string => (row.text(column) ?? '').replace(/^\[(.*)\]$/, '$1');
export const isBracketed = (row: Row, column = 'lv_name'): boolean => row.text(column)?.startsWith('[') === true;

/** @param placeOf what stands in place of the name of a device */
export function segmentOf(row: Row, placeOf: (device: string) => string): Segment {
  const type = row.text('segtype') ?? 'unknown';
  const several = (column: string): number | undefined => {
    const count = row.positive(column);
    return count === 1 ? undefined : count;
  };
  const stripes = several('stripes');
  const dataStripes = several('data_stripes');
  const isPool = type === 'thin-pool';
  const metadata = areasOf(row.list('seg_metadata_le_ranges'), placeOf);
  return {
    type,
    start: row.number('seg_start_pe') ?? 0,
    extents: row.number('seg_size_pe') ?? 0,
    ...present({
      stripes,
      dataStripes: dataStripes === stripes ? undefined : (dataStripes ?? (stripes === undefined ? undefined : 1)),
      dataCopies: several('data_copies'),
      stripeBytes: row.positive('stripe_size'),
      regionBytes: row.positive('region_size'),
      chunkBytes: row.positive('chunk_size'),
      discards: isPool ? row.text('discards') : undefined,
      zero: isPool ? row.flag('zero') : undefined,
      cacheMode: row.text('cache_mode'),
      cacheFormat: row.text('cache_metadata_format'),
      cachePolicy: row.text('cache_policy'),
      cacheSettings: row.text('cache_settings'),
      vdo: type === 'vdo-pool' ? row.vdo() : undefined,
    }),
    areas: areasOf(row.list('seg_le_ranges'), placeOf),
    ...(metadata.length === 0 ? {} : { metadataAreas: metadata }),
  };
}

function areasOf(ranges: readonly string[], placeOf: (device: string) => string): string[] {
  return ranges.map((range) => {
    const [, name = range, extents = ''] = /^(.*)(:\d+-\d+)$/.exec(range) ?? [];
    const inner = /^\[(.*)\]$/.exec(name)?.[1];
    return (inner === undefined || inner === 'unknown' ? placeOf(name) : inner) + extents;
  });
}

const references = ['origin', 'pool_lv', 'data_lv', 'metadata_lv', 'mirror_log'];

/** Names of the inner volumes that one is made of, each after what refers to it. */
export function partsOf(name: string, byName: ReadonlyMap<string, readonly Row[]>): string[] {
  const found = new Set<string>([name]);
  for (const one of found) {
    for (const row of byName.get(one) ?? []) {
      for (const column of references) if (isBracketed(row, column)) found.add(nameOf(row, column));
      for (const range of [...row.list('seg_le_ranges'), ...row.list('seg_metadata_le_ranges')]) {
        const inner = /^\[(.*)\]:\d+-\d+$/.exec(range)?.[1];
        if (inner !== undefined && byName.has(inner)) found.add(inner);
      }
    }
  }
  return [...found].slice(1).filter((one) => byName.has(one));
}
