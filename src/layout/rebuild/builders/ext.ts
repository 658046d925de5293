/** ext2, ext3 and ext4. */
import type { ComponentOf } from '../../types.ts';
import { type Builder, command, device, only, option } from '../builder.ts';
import { roundDown } from '../room.ts';
import { made, mkfsLimitMs, renewedOn, suboptions, unread } from './mkfs.ts';

type Ext = ComponentOf<'ext'>;
type Geometry = NonNullable<Ext['geometry']>;

const mebibyte = 1 << 20;

export const extBuilder: Builder<Ext> = {
  onSectors: (component, sectorBytes) => renewedOn(component, component.geometry?.blockSize, sectorBytes),
  problem(component) {
    const { geometry } = component;
    // As dumpe2fs prints what it has no name for.
    const nameless = geometry?.features.find((name) => name.startsWith('FEATURE_'));
    if (nameless !== undefined) return `the tools that it was captured with do not know its feature ${nameless}`;
    if (geometry?.journal?.externalUuid !== undefined) return 'its journal lies on another device';
    return unread(component);
  },
  create(component) {
    const { geometry, uuid, label, type, sizeBytes } = component;
    const at = device(only(component));
    const identity = [...option('-U', uuid), ...option('-L', label)];
    const own = geometry === undefined ? [] : words(component, geometry);
    return made(component, [
      {
        argv: [
          'mke2fs',
          '-q',
          '-F',
          ...option('-t', type),
          ...own,
          ...identity,
          at,
          ...(geometry === undefined ? [] : [String(Math.floor(sizeBytes / geometry.blockSize))]),
        ],
        timeoutMs: mkfsLimitMs,
      },
      ...(geometry === undefined ? [] : [command('tune2fs', ...tuning(component, geometry), at)]),
    ]);
  },
  compared(component, isResized) {
    const { geometry } = component;
    if (!isResized || geometry === undefined) return component;
    // What mke2fs makes of another size: whole groups of blocks and inodes, and room for growing.
    const { reservedGdtBlocks: _, ...rest } = geometry;
    const sizeBytes = roundDown(component.sizeBytes, geometry.blockSize);
    return { ...component, sizeBytes, geometry: { ...rest, blockCount: 0, inodeCount: 0, reservedBlocks: 0 } };
  },
};

/** How many times as large as it was. */
const factorOf = ({ sizeBytes }: Ext, { blockSize, blockCount }: Geometry): number =>
  Math.floor(sizeBytes / blockSize) / blockCount;

function words(component: Ext, geometry: Geometry): string[] {
  const { blockSize, blocksPerGroup, features, inodeCount, journal } = geometry;
  const factor = factorOf(component, geometry);
  const isBig = features.includes('bigalloc');
  const extended = suboptions({
    resize: factor === 1 ? resizeLimit(geometry) : undefined,
    stride: geometry.stride,
    stripe_width: geometry.stripeWidth,
    quotatype: geometry.quotas?.map((who) => quotaTypes[who] ?? who).join(':'),
    encoding: geometry.encoding,
  });
  return [
    ...option('-b', blockSize),
    ...option('-I', geometry.inodeSize),
    // Files do not become fewer where there is less room for them.
    ...option('-N', Math.round(inodeCount * Math.max(1, factor))),
    '-O',
    ['none', ...features].join(','),
    ...option('-m', '0'),
    ...option('-C', isBig ? geometry.clusterSize : undefined),
    ...option('-g', isBig || blocksPerGroup === 8 * blockSize ? undefined : blocksPerGroup),
    ...option('-G', geometry.flexGroupSize),
    ...option('-J', journal?.sizeBytes === undefined ? undefined : `size=${Math.ceil(journal.sizeBytes / mebibyte)}`),
    ...option('-E', extended === '' ? undefined : extended),
  ];
}

const quotaTypes: Readonly<Record<string, string>> = { user: 'usrquota', group: 'grpquota', project: 'prjquota' };

/** mke2fs keeps room for so many blocks that the filesystem could grow to; as it reckons itself where nobody said anything, `undefined`. */
function resizeLimit({
  features,
  blockSize,
  blockCount,
  blocksPerGroup,
  reservedGdtBlocks,
}: Geometry): number | undefined {
  if (!features.includes('resize_inode') || reservedGdtBlocks === undefined) return undefined;
  const perBlock = blockSize / (features.includes('64bit') ? 64 : 32);
  const groups = Math.ceil(blockCount / blocksPerGroup);
  const own = Math.ceil(groups / perBlock);
  const usual = Math.min(
    blockSize / 4,
    Math.ceil(Math.ceil(Math.min(blockCount * 1024, 2 ** 32 - 1) / blocksPerGroup) / perBlock) - own,
  );
  return reservedGdtBlocks === usual ? undefined : (own + reservedGdtBlocks) * perBlock * blocksPerGroup;
}

const onErrors: Readonly<Record<string, string>> = {
  Continue: 'continue',
  'Remount read-only': 'remount-ro',
  Panic: 'panic',
};

const mountOptions = [
  'debug',
  'bsdgroups',
  'user_xattr',
  'acl',
  'uid16',
  'journal_data',
  'nobarrier',
  'block_validity',
  'discard',
  'nodelalloc',
];

function tuning(component: Ext, geometry: Geometry): string[] {
  const wanted = new Set(geometry.defaultMountOptions);
  // What mke2fs.conf of the rescue system puts there is taken away again.
  const options = [...wanted, ...mountOptions.filter((name) => !wanted.has(name)).map((name) => `^${name}`)];
  const hash = geometry.directoryHash;
  const extended = suboptions({
    hash_alg: hash === 'half_md4' ? undefined : hash,
    mount_opts: geometry.extraMountOptions,
  });
  return [
    ...option('-r', Math.round(geometry.reservedBlocks * Math.min(1, factorOf(component, geometry)))),
    ...option('-u', geometry.reservedUid),
    ...option('-g', geometry.reservedGid),
    ...option('-c', geometry.maxMounts ?? -1),
    ...option('-i', geometry.checkIntervalSeconds === undefined ? '0' : `${geometry.checkIntervalSeconds}s`),
    ...option('-e', onErrors[geometry.onErrors] ?? 'continue'),
    ...option('-o', options.join(',')),
    ...option('-E', extended === '' ? undefined : extended),
  ];
}
