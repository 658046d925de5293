/** f2fs, from the device itself: no tool prints its extensions and encoding, and what they print names who built the kernel. */
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { present } from '../../kernel/present.ts';
import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';
import { type FilesystemComponent, type FilesystemPlace, filesystemKind, type Inspected } from '../filesystem.ts';
import type { LayoutHandler } from '../handler.ts';
import type { Probes } from '../probes.ts';
import { deviceBySpec } from '../spec.ts';

const count = z.number().nonnegative();

const geometry = z.object({
  blockSize: count,
  sectorSize: count,
  blockCount: count,
  blocksPerSegment: count,
  segmentsPerSection: count,
  sectionsPerZone: count,
  /** Those that hold files, and what is reserved of them. */
  mainSegments: count,
  /** As mkfs.f2fs(8) calls them, sorted. */
  features: z.array(z.string()),
  /** Of names without upper and lower case; `utf8` and flags such as `strict`. */
  encoding: z.object({ name: z.string(), flags: z.array(z.string()) }).exactOptional(),
  /** Endings of names of files that are hardly ever written again, or often. In their order. */
  coldExtensions: z.array(z.string()),
  hotExtensions: z.array(z.string()),
  /** What mkfs made of the percentage, for cleaning; those for overprovision contain the reserved ones. */
  reservedSegments: count.exactOptional(),
  overprovisionSegments: count.exactOptional(),
  /** Room for many nodes: `mkfs.f2fs -i`. */
  extendedNodeBitmap: z.boolean().exactOptional(),
  /** If there are several, by the names that mkfs was given and that the kernel opens. */
  devices: z.array(z.object({ path: z.string(), segments: count })).exactOptional(),
});

type Geometry = z.infer<typeof geometry>;
type F2fs = FilesystemComponent<'f2fs', Geometry>;

/** What is under the bits, by number; mkfs.f2fs(8), and `blkzoned` for its `-m`. The third is used by nobody. */
const featureNames = [
  'encrypt',
  'blkzoned',
  'atomic_write',
  'extra_attr',
  'project_quota',
  'inode_checksum',
  'flexible_inline_xattr',
  'quota',
  'inode_crtime',
  'lost_found',
  'verity',
  'sb_checksum',
  'casefold',
  'compression',
  'ro',
  'device_alias',
  'packed_ssa',
];

const magic = 0xf2f52010;
const superblockBytes = 4096;
const largeBitmapFlag = 0x400;

const onFirstDevice = filesystemKind({
  kind: 'f2fs',
  claims: ['f2fs'],
  geometry,
  inspect,
  words: ({ devices }) => (devices === undefined ? [] : [`${devices.length} devices`]),
});

export const f2fs: LayoutHandler<F2fs> = {
  ...onFirstDevice,
  async capture(probes, asker) {
    return (await onFirstDevice.capture(probes, asker)).map((found) => onAllDevices(found, probes, asker));
  },
};

async function inspect({ devices: [device] }: FilesystemPlace, asker: Asker): Promise<Inspected<Geometry> | undefined> {
  if (device === undefined) return undefined;
  const { path } = device;
  const superblock = await asker.ask({
    argv: ['dd', `if=${path}`, `bs=${superblockBytes}`, 'count=1', 'status=none'],
    parse: (stdout) => parseSuperblock(nameToBytes(stdout)),
    subject: path,
  });
  if (superblock === undefined) return undefined;
  const { settings, checkpoints } = superblock;
  const packs = await Promise.all(
    checkpoints.map((block) =>
      asker.ask({
        argv: ['dd', `if=${path}`, `bs=${settings.blockSize}`, `skip=${block}`, 'count=1', 'status=none'],
        parse: (stdout) => parseCheckpoint(nameToBytes(stdout), settings),
        subject: path,
      }),
    ),
  );
  const found = packs.flatMap((pack) => (pack === undefined || pack === 'broken' ? [] : [pack]));
  if (packs.every((pack) => pack === 'broken'))
    asker.gap({ subject: path, problem: 'neither of the checkpoints of its f2fs is whole', hint: 'run fsck.f2fs' });
  const newest = found.reduce<Checkpoint | undefined>(
    (best, pack) => (best !== undefined && best.version > pack.version ? best : pack),
    undefined,
  );
  return {
    sizeBytes: settings.blockCount * settings.blockSize,
    ...present({ usedBytes: newest?.usedBytes }),
    geometry: { ...settings, ...newest?.settings },
  };
}

/** Those after the first hold nothing by which they are known: only the first says where they are. */
function onAllDevices(found: F2fs, probes: Probes, asker: Asker): F2fs {
  const { geometry, on } = found;
  if (geometry?.devices === undefined) return found;
  const { blockSize, blocksPerSegment, devices } = geometry;
  const find = deviceBySpec(probes.devices);
  const others = devices.slice(1).flatMap(({ path, segments }) => {
    const device = find(path);
    // The name may by now be that of another.
    const fits = device?.fstype === undefined && (device?.sizeBytes ?? 0) >= segments * blocksPerSegment * blockSize;
    if (device !== undefined && fits) return [probes.ids.get(device.number) ?? device.number];
    asker.gap({ subject: path, problem: `${found.id} lies on it too, and it is not there under this name` });
    return [];
  });
  return { ...found, on: [...new Set([...on, ...others])] };
}

interface Superblock {
  readonly settings: Geometry;
  /** Of the first block of each of the two. */
  readonly checkpoints: readonly number[];
}

/**
 * `struct f2fs_super_block` of the kernel's `f2fs_fs.h`, at byte 1024.
 *
 * @throws Error for what is none
 */
export function parseSuperblock(head: Buffer): Superblock {
  const block = head.subarray(1024);
  if (block.length < 3072 || block.readUInt32LE(0) !== magic) throw new Error('not a superblock of f2fs');
  const blockSize = powerOf(block.readUInt32LE(16), 12, 16);
  const blocksPerSegment = powerOf(block.readUInt32LE(20), 9, 12);
  const blockCount = Number(block.readBigUInt64LE(36));
  const firstCheckpoint = block.readUInt32LE(76);
  if (!Number.isSafeInteger(blockCount * blockSize) || firstCheckpoint + blocksPerSegment >= blockCount)
    throw new Error('its checkpoints lie outside of it');
  const cold = block.readUInt32LE(1148);
  const extensions = Array.from({ length: Math.min(64, cold + block.readUInt8(2757)) }, (_, index) =>
    textOf(block.subarray(1152 + 8 * index, 1160 + 8 * index)),
  );
  return {
    settings: {
      blockSize,
      sectorSize: powerOf(block.readUInt32LE(8), 9, 16),
      blockCount,
      blocksPerSegment,
      segmentsPerSection: block.readUInt32LE(24),
      sectionsPerZone: block.readUInt32LE(28),
      mainSegments: block.readUInt32LE(68),
      features: featuresOf(block.readUInt32LE(2180)),
      coldExtensions: extensions.slice(0, cold),
      hotExtensions: extensions.slice(cold),
      ...present({
        encoding: encodingOf(block.readUInt16LE(2758), block.readUInt16LE(2760)),
        devices: devicesOf(block),
      }),
    },
    checkpoints: [firstCheckpoint, firstCheckpoint + blocksPerSegment],
  };
}

interface Checkpoint {
  readonly version: bigint;
  readonly usedBytes: number;
  readonly settings: Required<Pick<Geometry, 'reservedSegments' | 'overprovisionSegments' | 'extendedNodeBitmap'>>;
}

/**
 * `struct f2fs_checkpoint`; `broken` for one that was not written to its end: then the other counts.
 *
 * @throws Error for less than a block
 */
export function parseCheckpoint(block: Buffer, { blockSize }: Pick<Geometry, 'blockSize'>): Checkpoint | 'broken' {
  if (block.length !== blockSize) throw new Error('not a block');
  const end = block.readUInt32LE(164);
  if (end < 192 || end > blockSize - 4 || block.readUInt32LE(end) !== checksum(block, end)) return 'broken';
  return {
    version: block.readBigUInt64LE(0),
    usedBytes: Number(block.readBigUInt64LE(16)) * blockSize,
    settings: {
      reservedSegments: block.readUInt32LE(24),
      overprovisionSegments: block.readUInt32LE(28),
      extendedNodeBitmap: (block.readUInt32LE(132) & largeBitmapFlag) !== 0,
    },
  };
}

/** Of all before it and, where it does not stand at the end, of what comes after it. */
function checksum(block: Buffer, at: number): number {
  const before = crc32(block.subarray(0, at), ~magic >>> 0);
  // The CRC of zlib turns its bits at both ends, and that of the kernel at neither.
  return ~(at < block.length - 4 ? crc32(block.subarray(at + 4), before) : before) >>> 0;
}

function powerOf(exponent: number, least: number, most: number): number {
  if (exponent < least || exponent > most) throw new Error(`2 to the power of ${exponent} is no size of it`);
  return 2 ** exponent;
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return nameFromBytes(end === -1 ? field : field.subarray(0, end));
}

function featuresOf(bits: number): string[] {
  return Array.from({ length: 32 }, (_, bit) => bit)
    .filter((bit) => (bits & (1 << bit)) !== 0)
    .map((bit) => featureNames[bit] ?? `bit ${bit}`)
    .sort();
}

function encodingOf(number: number, flags: number): Geometry['encoding'] {
  if (number === 0) return undefined;
  return {
    name: number === 1 ? 'utf8' : `encoding ${number}`,
    flags: Array.from({ length: 16 }, (_, bit) => bit)
      .filter((bit) => (flags & (1 << bit)) !== 0)
      .map((bit) => (bit === 0 ? 'strict' : `bit ${bit}`)),
  };
}

/** Names are not cleared behind their end; of one device alone there is no name. */
function devicesOf(block: Buffer): Geometry['devices'] {
  const all = Array.from({ length: 8 }, (_, index) => {
    const entry = block.subarray(2201 + 68 * index, 2269 + 68 * index);
    return { path: textOf(entry.subarray(0, 64)), segments: entry.readUInt32LE(64) };
  }).filter(({ path }) => path !== '');
  return all.length < 2 ? undefined : all;
}
