/** Filesystems and swap, each by its mkfs with everything that was captured of it. */
import type { Command, Word } from '../../../plan/action.ts';
import { formatBytes } from '../../../kernel/units.ts';
import type { ComponentOf } from '../../types.ts';
import { type Builder, device, only, option } from '../builder.ts';

const kibibyte = 1024;

/** What mkfs is told, without the device. */
function made(
  { id, type, label, sizeBytes, on }: ComponentOf<'ext' | 'xfs' | 'vfat' | 'f2fs' | 'btrfs'>,
  commands: readonly Command[],
): { readonly title: string; readonly commands: readonly Command[] }[] {
  const name = label === undefined ? (on[0] ?? id) : `"${label}"`;
  return [{ title: `make ${type} ${name}, ${formatBytes(sizeBytes)}`, commands }];
}

const mkfsLimitMs = 30 * 60_000;

export const extBuilder: Builder<ComponentOf<'ext'>> = {
  problem: ({ geometry, uuid }) => unread(geometry, uuid) ?? externalJournal(geometry?.journal?.externalUuid),
  create(component) {
    const { geometry, uuid = '', label, type, sizeBytes } = component;
    if (geometry === undefined) return [];
    const at = device(only(component));
    const tune = extTuning(geometry);
    return made(component, [
      {
        argv: [
          'mke2fs',
          '-q',
          '-F',
          ...option('-t', type),
          ...option('-b', geometry.blockSize),
          ...option('-I', geometry.inodeSize),
          ...option('-N', geometry.inodeCount),
          '-O',
          ['none', ...geometry.features].join(','),
          ...option('-U', uuid),
          ...option('-L', label),
          ...option('-m', '0'),
          ...option('-C', geometry.features.includes('bigalloc') ? geometry.clusterSize : undefined),
          ...option('-G', geometry.flexGroupSize),
          ...(geometry.journal?.sizeBytes === undefined
            ? []
            : ['-J', `size=${geometry.journal.sizeBytes / (kibibyte * kibibyte)}`]),
          ...extended(geometry),
          at,
          String(Math.floor(sizeBytes / geometry.blockSize)),
        ],
        timeoutMs: mkfsLimitMs,
      },
      { argv: ['tune2fs', ...tune, at] },
    ]);
  },
};

type ExtGeometry = NonNullable<ComponentOf<'ext'>['geometry']>;

function extended({ stride, stripeWidth, quotas, encoding }: ExtGeometry): string[] {
  const words = [
    ...(stride === undefined ? [] : [`stride=${stride}`]),
    ...(stripeWidth === undefined ? [] : [`stripe_width=${stripeWidth}`]),
    ...(quotas === undefined ? [] : [`quotatype=${quotas.map((who) => `${who.slice(0, 3)}quota`).join(':')}`]),
    ...(encoding === undefined ? [] : [`encoding=${encoding}`]),
  ];
  return words.length === 0 ? [] : ['-E', words.join(',')];
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

function extTuning(geometry: ExtGeometry): string[] {
  const wanted = new Set(geometry.defaultMountOptions);
  // What mke2fs.conf of the rescue system puts there is taken away again.
  const options = [...wanted, ...mountOptions.filter((name) => !wanted.has(name)).map((name) => `^${name}`)];
  return [
    ...option('-r', geometry.reservedBlocks),
    ...option('-u', geometry.reservedUid),
    ...option('-g', geometry.reservedGid),

    ...option('-c', geometry.maxMounts ?? -1),
    ...option('-i', geometry.checkIntervalSeconds === undefined ? '0' : `${geometry.checkIntervalSeconds}s`),
    ...option('-e', onErrors[geometry.onErrors] ?? 'continue'),
    ...option('-o', options.join(',')),
    ...(geometry.extraMountOptions === undefined ? [] : ['-E', `mount_opts=${geometry.extraMountOptions}`]),
  ];
}

export const xfsBuilder: Builder<ComponentOf<'xfs'>> = {
  problem: ({ geometry, uuid }) =>
    unread(geometry, uuid) ??
    externalJournal(geometry?.log.external === true ? 'log' : undefined) ??
    (geometry?.realtime === undefined ? undefined : 'it has a real-time section on another device'),
  create(component) {
    const { geometry, uuid = '', label, sizeBytes } = component;
    if (geometry === undefined) return [];
    const at = device(only(component));
    const has = (name: string): string => `${name}=${geometry.features.includes(name) ? 1 : 0}`;
    const known = (name: string): boolean => geometry.features.includes(name) || geometry.absentFeatures.includes(name);
    const some = (...names: readonly string[]): string[] => names.filter(known).map(has);
    const isOld = !geometry.features.includes('crc');
    return made(component, [
      {
        argv: [
          ...xfsWords,
          ...option('-b', `size=${geometry.blockSize}`),
          ...option('-s', `size=${geometry.sectorSize}`),

          '-m',
          [
            `uuid=${uuid}`,
            ...some('crc'),
            ...(isOld ? [] : some('finobt', 'rmapbt', 'reflink', 'bigtime', 'inobtcount')),
          ].join(','),

          '-i',
          [
            `size=${geometry.inodeSize}`,
            ...(isOld ? [] : some('sparse', 'nrext64')),
            ...option2('maxpct', geometry.inodePercent),
          ].join(','),
          ...option('-n', `size=${geometry.directoryBlockSize}`),

          '-d',
          [
            `size=${sizeBytes}`,
            `sunit=${geometry.stripeUnit * (geometry.blockSize / 512)}`,
            `swidth=${geometry.stripeWidth * (geometry.blockSize / 512)}`,
          ].join(','),
          ...option('-L', label),
          at,
        ],
        timeoutMs: mkfsLimitMs,
      },
    ]);
  },
};

const xfsWords: readonly ['mkfs.xfs', ...string[]] = ['mkfs.xfs', '-q', '-f', '-K'];

const option2 = (name: string, value: number | undefined): string[] =>
  value === undefined ? [] : [`${name}=${value}`];

export const vfatBuilder: Builder<ComponentOf<'vfat'>> = {
  problem: ({ geometry, uuid }) => unread(geometry, uuid),
  create(component) {
    const { geometry, uuid = '', label } = component;
    if (geometry === undefined) return [];
    return made(component, [
      {
        argv: [
          'mkfs.fat',
          ...option('-F', geometry.bits),
          ...option('-S', geometry.sectorSize),
          ...option('-s', geometry.sectorsPerCluster),

          ...option('-f', geometry.tableCount),
          ...option('-R', geometry.reservedSectors),
          ...option('-h', geometry.hiddenSectors),
          ...(geometry.rootEntries === 0 ? [] : ['-r', String(geometry.rootEntries)]),
          '-i',
          uuid.replace('-', ''),
          ...option('-n', label),
          device(only(component)),
        ],
      },
    ]);
  },
};

export const swapBuilder: Builder<ComponentOf<'swap'>> = {
  // Swapped to by the system alone.
  compared: (component) => ({ ...component, active: false }),
  create(component) {
    if (component.file !== undefined) return [];
    const { uuid, label } = component;
    const words: Word[] = [...option('--uuid', uuid), ...option('--label', label), device(only(component))];
    return [
      {
        title: `make swap, ${formatBytes(component.sizeBytes)}`,
        commands: [{ argv: ['mkswap', '--force', ...words] }],
      },
    ];
  },
};

export const btrfsBuilder: Builder<ComponentOf<'btrfs'>> = {
  problem: ({ geometry, uuid }) => unread(geometry, uuid),
  create(component) {
    const { geometry, uuid = '', label, on } = component;
    if (geometry === undefined) return [];
    const profile = (kind: string): string | undefined => geometry.profiles?.[kind]?.[0];
    return made(component, [
      {
        argv: [
          'mkfs.btrfs',
          '-q',
          '-f',
          '-K',
          ...option('--uuid', uuid),
          ...option('--label', label),

          ...option('--nodesize', geometry.nodeSize),
          ...option('--sectorsize', geometry.sectorSize),
          ...option('--csum', geometry.checksum),
          ...option('--data', profile('data')),
          ...option('--metadata', profile('metadata')),
          ...on.map(device),
        ],
        timeoutMs: mkfsLimitMs,
      },
    ]);
  },
};

function unread(geometry: object | undefined, uuid: string | undefined): string | undefined {
  return geometry === undefined || uuid === undefined ? 'it could not be read when it was captured' : undefined;
}

function externalJournal(journal: string | undefined): string | undefined {
  return journal === undefined ? undefined : 'its journal lies on another device';
}
