/** Sets of caches of bcache: one device by which any number of others are cached. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, text } from '../handler.ts';
import { cacheType, superblocksOf } from './bcache.ts';

const schema = z.object({
  kind: z.literal('bcache-set'),
  ...common,
  uuid: text,
  sizeBytes: bytes,
  geometry: z.object({
    blockBytes: bytes,
    bucketBytes: bytes.exactOptional(),
    /** What goes first when it is full: `lru`, `fifo`, `random`. */
    replacement: z.string(),
    /** Whether its device is told of what it no longer needs. */
    discard: z.boolean(),
    /** How many devices the set has. */
    caches: z.number(),
  }),
});

type BcacheSet = z.infer<typeof schema>;

export const bcacheSet: LayoutHandler<BcacheSet> = {
  kind: 'bcache-set',
  schema,
  under: carriers,
  claims: [cacheType],
  shared: true,
  async capture(probes, asker) {
    const said = superblocksOf(asker);
    const devices = probes.devices.filter((device) => probes.contentKindOf(device) === 'bcache-set');
    const sets = Map.groupBy(devices, ({ number }) => probes.contentIds.get(number) ?? number);
    return [...sets].flatMap(([id, members]): BcacheSet[] => {
      const superblock = said.get(members[0]?.number ?? '');
      if (superblock?.role !== 'cache') return [];
      const { blockBytes, bucketBytes, replacement, discard, caches } = superblock;
      return [
        {
          kind: 'bcache-set',
          id,
          on: members.map(({ number }) => probes.ids.get(number) ?? number),
          sizeBytes: members.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
          ...present({ uuid: superblock.set }),
          geometry: { blockBytes, ...present({ bucketBytes }), replacement, discard, caches },
        },
      ];
    });
  },
  title: ({ uuid, sizeBytes, geometry }) =>
    ['bcache cache', formatBytes(sizeBytes), uuid, geometry.replacement === 'lru' ? undefined : geometry.replacement]
      .filter((part) => part !== undefined)
      .join('  '),
  // What it holds is read through what it is the cache of.
  coverage: () => undefined,
  volatile: [],
  risk: ({ change }) => (change === 'removed' ? 'data' : 'appearance'),
};
