/** Volumes of LVM that lie on their group at once: linear, striped, mirrored, RAID. */
import type { Word } from '../../../plan/action.ts';
import type { ComponentOf } from '../../types.ts';
import { command, option } from '../builder.ts';
import { exactWords, partNamed, type Piece, placeWords } from './lvm-places.ts';
import { bytes, type Context, named, size, type Step } from './lvm-step.ts';

type Lv = ComponentOf<'lv'>;
type Segment = Lv['segments'][number];

/** On the very extents that each of its segments had, where these are as they were; else on the physical volumes that it had. */
export function leafSteps(name: string, piece: Piece, settings: readonly Word[], context: Context): Step[] {
  const { volume, group, site } = context;
  const [head, ...tail] = piece.segments;
  const isPlain = head === undefined || head.type === 'linear' || head.type === 'striped';
  const exact = isPlain ? piece.segments.map((segment) => exactWords(segment, group, site)) : [];
  const type = typeWords(piece, head, volume);
  const [first] = exact;
  if (head === undefined || first === undefined || exact.includes(undefined)) {
    const place = placeWords(piece, volume, group, site);
    return [
      {
        phase: 'find',
        command: command('lvcreate', ...type, ...size(piece), ...named(name, settings), group.name, ...place),
      },
    ];
  }
  const { extentBytes = 4 << 20 } = group;
  const own = size({ sizeBytes: head.extents * extentBytes });
  return [
    { phase: 'place', command: command('lvcreate', ...type, ...own, ...named(name, settings), group.name, ...first) },
    ...tail.map((segment, index): Step => {
      const stripes = segment.stripes === undefined ? option('--stripes', 1) : stripeWords(segment);
      const more = option('--size', `+${segment.extents * extentBytes}b`);
      const path = `${group.name}/${name}`;
      // All that its policy asks for is told by where it lay.
      const words = ['--yes', ...stripes, ...option('--alloc', 'anywhere'), ...more, path, ...(exact[index + 1] ?? [])];
      return { phase: 'place', command: command('lvextend', ...words) };
    }),
  ];
}

const stripeWords = ({ stripes, dataStripes, stripeBytes }: Segment): string[] => [
  ...option('--stripes', dataStripes ?? stripes ?? 1),
  ...option('--stripesize', bytes(stripeBytes)),
];

function typeWords(piece: Piece, first: Segment | undefined, volume: Lv): string[] {
  if (first === undefined || first.type === 'linear') return option('--type', 'linear');
  const { dataCopies = 2, dataStripes, stripes = 2 } = first;
  const region = option('--regionsize', bytes(first.regionBytes));
  const sums = sumWords(piece);
  switch (first.type) {
    case 'mirror':
      return [
        ...option('--type', 'mirror'),
        ...option('--mirrors', stripes - 1),
        ...option('--mirrorlog', logOf(piece, volume)),
        ...region,
      ];
    case 'raid1':
      return [...option('--type', 'raid1'), ...option('--mirrors', stripes - 1), ...region, ...sums];
    case 'raid10': {
      const striped = stripeWords({ ...first, dataStripes: dataStripes ?? 2 });
      return [...option('--type', 'raid10'), ...option('--mirrors', dataCopies - 1), ...striped, ...region, ...sums];
    }
    default:
      return [...option('--type', first.type), ...stripeWords(first), ...region, ...sums];
  }
}

function logOf({ name }: Piece, volume: Lv): string {
  const log = partNamed(volume, `${name}_mlog`);
  if (log === undefined) return 'core';
  return log.segments[0]?.type === 'mirror' ? 'mirrored' : 'disk';
}

/** Sums of all sectors, by dm-integrity. */
function sumWords({ raid: { integrity, integrityBlockBytes } = {} }: Piece): string[] {
  if (integrity === undefined) return [];
  return [
    ...option('--raidintegrity', 'y'),
    ...option('--raidintegritymode', integrity),
    ...option('--raidintegrityblocksize', integrityBlockBytes),
  ];
}
