/** Arrays of md in random layouts. */
import * as fc from 'fast-check';
import { type Content, contentOf, contentShape, type Stacking, uuidOf } from './random-contents.ts';

const mib = 1 << 20;
const chunk = 512 * 1024;

type Level = 'raid0' | 'raid1' | 'raid5' | 'raid6' | 'raid10';
const least: Readonly<Record<Level, number>> = { raid0: 2, raid1: 2, raid5: 3, raid6: 4, raid10: 4 };

export interface ArrayShape {
  readonly level: Level;
  readonly metadata: '1.0' | '1.2';
  /** Of each member. */
  readonly mib: number;
  readonly content: Content;
  /** Of these disks those that it takes; none where they are too few. */
  readonly rotated: (disks: readonly number[]) => readonly number[];
}

export const arrayShape: fc.Arbitrary<ArrayShape> = fc
  .record({
    level: fc.constantFrom<Level>('raid0', 'raid1', 'raid1', 'raid1', 'raid5', 'raid6', 'raid10'),
    metadata: fc.constantFrom('1.0' as const, '1.2' as const, '1.2' as const),
    mib: fc.integer({ min: 700, max: 9000 }),
    content: contentShape,
    from: fc.nat({ max: 3 }),
    more: fc.nat({ max: 2 }),
  })
  .map(({ from, more, ...one }) => ({
    ...one,
    rotated: (disks) => {
      const count = one.level === 'raid10' ? 4 : Math.min(disks.length, least[one.level] + more);
      if (count > disks.length || count < least[one.level]) return [];
      return disks.map((_, index) => disks[(index + from) % disks.length] ?? 0).slice(0, count);
    },
  }));

export function arrayOf(shape: ArrayShape, members: readonly string[], name: string, stacking: Stacking): void {
  const { level, metadata, mib: each, content } = shape;
  const isPlain = level === 'raid1';
  const offset = metadata === '1.2' ? mib : 0;
  // Behind the data of 1.0 lie its superblock and a bitmap; mdadm rounds to 64 KiB.
  const tail = each > 8192 ? 128 : 64;
  const own = metadata === '1.2' ? each * mib - offset : each * mib - tail * 1024;
  const component = isPlain ? own : Math.floor(own / chunk) * chunk;
  const data = { raid0: members.length, raid1: 1, raid5: members.length - 1, raid6: members.length - 2, raid10: 2 };
  const sizeBytes = component * data[level];
  const id = `md:${name}`;
  stacking.components.push({
    kind: 'md',
    id,
    on: [...members],
    uuid: uuidOf(id),
    sizeBytes,
    state: 'clean',
    geometry: {
      level,
      raidDevices: members.length,
      metadata,
      name: `host:${name}`,
      ...(isPlain ? {} : { chunkBytes: chunk }),
      ...(level === 'raid10' ? { layout: 'near=2' } : {}),
      members: members.map((on, slot) => ({
        on,
        role: 'active',
        slot,
        ...(metadata === '1.2' ? { dataOffsetBytes: mib } : {}),
      })),
    },
  });
  contentOf(content, id, sizeBytes, '', stacking);
}
