/** xfs, from its superblock as xfs_db(8) prints it. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { filesystemKind, type Inspected } from '../filesystem.ts';

const count = z.number().nonnegative();

const geometry = z.object({
  blockSize: count,
  blockCount: count,
  inodeSize: count,
  groupCount: count,
  /** In blocks. */
  groupSize: count,
  sectorSize: count,
  /** Of a RAID below it, in blocks; 0 for none. */
  stripeUnit: count,
  stripeWidth: count,
  /** How much of the room inodes may take, in per cent. */
  inodePercent: count.exactOptional(),
  /** mkfs.xfs(8) options that are on, sorted: `bigtime`, `crc`, `finobt`, `reflink`, `rmapbt`, `sparse`, … */
  features: z.array(z.string()),
  /** Those that are known to this version of the tools, and off. */
  absentFeatures: z.array(z.string()),
  directoryBlockSize: count,
  directoryVersion: count,
  log: z.object({
    external: z.boolean(),
    blockCount: count,
    version: count,
    sectorSize: count.exactOptional(),
    stripeUnit: count.exactOptional(),
  }),
  /** A real-time section on a device of its own. */
  realtime: z.object({ extentBytes: count, blockCount: count }).exactOptional(),
});

type Geometry = z.infer<typeof geometry>;

/** What `info` prints as `name=0` or `name=1`. */
const switches = new Set([
  'attr',
  'projid32bit',
  'crc',
  'finobt',
  'sparse',
  'rmapbt',
  'reflink',
  'bigtime',
  'inobtcount',
  'nrext64',
  'exchange',
  'parent',
  'metadir',
  'ascii-ci',
  'ftype',
  'lazy-count',
  'zoned',
]);
/** `attr` is the version of the attribute format, not a switch. */
const versions = new Set(['attr']);

export const xfs = filesystemKind({
  kind: 'xfs',
  claims: ['xfs'],
  geometry,
  inspect: async ({ devices: [device] }, asker) =>
    device === undefined
      ? undefined
      : await asker.ask({
          argv: ['xfs_db', '-r', '-c', 'info', '-c', 'sb 0', '-c', 'print fdblocks', device.path],
          parse: parseXfsDb,
          subject: device.path,
        }),
});

/** `info` prints sections of `name=value` pairs, the first line of each beginning with the section's name. */
export function parseXfsDb(stdout: string): Inspected<Geometry> {
  const fields = new Map<string, string>();
  let section = '';
  for (const line of stdout.split('\n')) {
    const [, name, rest = ''] = /^(meta-data|data|naming|log|realtime|)\s*=(.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    if (name !== '') section = name;
    for (const [, key, value = ''] of rest.matchAll(/([\w-]+)=([^\s,]+)/g)) fields.set(`${section}.${key}`, value);
    const [, version] = /^version (\d+)/.exec(rest) ?? [];
    if (version !== undefined) fields.set(`${section}.version`, version);
    if (name === 'log' && !rest.startsWith('internal')) fields.set('log.external', 'yes');
  }
  const free = /^fdblocks = (\d+)$/m.exec(stdout)?.[1];
  const blockSize = needed('data.bsize');
  const blockCount = needed('data.blocks');
  const logBlocks = needed('log.blocks');
  const external = fields.has('log.external');
  const realtimeBlocks = numberOf('realtime.blocks') ?? 0;
  const found = [...fields].filter(([key]) => switches.has(nameOf(key)));
  const on = ([key, value]: readonly [string, string]): boolean => value !== '0' && !versions.has(nameOf(key));
  return {
    sizeBytes: blockSize * blockCount,
    ...(free === undefined ? {} : { usedBytes: blockSize * Math.max(0, blockCount - Number(free)) }),
    geometry: {
      blockSize,
      blockCount,
      inodeSize: needed('meta-data.isize'),
      groupCount: needed('meta-data.agcount'),
      groupSize: needed('meta-data.agsize'),
      sectorSize: needed('meta-data.sectsz'),
      stripeUnit: numberOf('data.sunit') ?? 0,
      stripeWidth: numberOf('data.swidth') ?? 0,
      features: found
        .filter(on)
        .map(([key]) => nameOf(key))
        .sort(),
      absentFeatures: found
        .filter(([, value]) => value === '0')
        .map(([key]) => nameOf(key))
        .sort(),
      directoryBlockSize: needed('naming.bsize'),
      directoryVersion: numberOf('naming.version') ?? 2,
      log: {
        external,
        blockCount: logBlocks,
        version: numberOf('log.version') ?? 2,
        ...present({ sectorSize: numberOf('log.sectsz'), stripeUnit: numberOf('log.sunit') }),
      },
      ...present({
        inodePercent: numberOf('data.imaxpct'),
        realtime:
          realtimeBlocks === 0
            ? undefined
            : { extentBytes: numberOf('realtime.extsz') ?? blockSize, blockCount: realtimeBlocks },
      }),
    },
  };

  function numberOf(name: string): number | undefined {
    const [digits] = /^\d+/.exec(fields.get(name) ?? '') ?? [];
    return digits === undefined ? undefined : Number(digits);
  }
  function needed(name: string): number {
    const value = numberOf(name);
    if (value === undefined) throw new Error(`no ${name} in it`);
    return value;
  }
}

function nameOf(key: string): string {
  return key.slice(key.indexOf('.') + 1);
}
