/** JFS, from its superblock. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { filesystemKind, type Inspected } from '../filesystem.ts';

const count = z.number().nonnegative();

const geometry = z.object({
  blockSize: count,
  /** What `mkfs.jfs` took the sectors of the device for. */
  sectorSize: count,
  blockCount: count,
  /** In blocks. */
  groupSize: count,
  version: count,
  /** Names without upper and lower case, as of OS/2: `mkfs.jfs -O`. */
  caseInsensitive: z.boolean(),
  log: z.object({
    /** Of one inside of it. */
    blockCount: count.exactOptional(),
    /** UUID of one on a device of its own. */
    externalUuid: z.string().exactOptional(),
  }),
});

type Geometry = z.infer<typeof geometry>;

/** Where the superblock is, in bytes; a copy follows 28 KiB later. */
const superblockKiB = 32;

const flag = { inlineLog: 0x800, os2: 0x40000000 } as const;

export const jfs = filesystemKind({
  kind: 'jfs',
  claims: ['jfs'],
  geometry,
  inspect: async ({ devices: [device] }, asker) =>
    device === undefined
      ? undefined
      : await asker.ask({
          argv: ['dd', `if=${device.path}`, 'bs=4096', `skip=${superblockKiB / 4}`, 'count=1', 'status=none'],
          parse: (stdout) => parseJfs(nameToBytes(stdout)),
          subject: device.path,
        }),
});

/**
 * `struct jfs_superblock` of the kernel's `jfs_superblock.h`.
 *
 * @throws Error for what is none
 */
export function parseJfs(block: Buffer): Inspected<Geometry> {
  if (block.length < 184 || block.toString('latin1', 0, 4) !== 'JFS1') throw new Error('not a superblock of JFS');
  const blockSize = block.readUInt32LE(16);
  const sectorSize = block.readUInt32LE(24);
  if (![512, 1024, 2048, 4096].includes(blockSize) || ![512, 1024, 2048, 4096].includes(sectorSize))
    throw new Error('no possible sizes in it');
  const used = Number(block.readBigUInt64LE(8)) * sectorSize;
  if (!Number.isSafeInteger(used)) throw new Error('no possible size in it');
  const flags = block.readUInt32LE(36);
  // The log, and before it the room for checking, lie behind what is for files.
  const [log, check] = [extentOf(block, 72), extentOf(block, 80)];
  const end = Math.max(used / blockSize, log.start + log.length, check.start + check.length);
  const hasOwnLog = (flags & flag.inlineLog) !== 0;
  return {
    sizeBytes: end * blockSize,
    geometry: {
      blockSize,
      sectorSize,
      blockCount: used / blockSize,
      groupSize: block.readUInt32LE(32),
      version: block.readUInt32LE(4),
      caseInsensitive: (flags & flag.os2) !== 0,
      log: present({
        blockCount: hasOwnLog ? log.length : undefined,
        externalUuid: hasOwnLog ? undefined : uuidOf(block.subarray(168, 184)),
      }),
    },
  };
}

/** `pxd_t`: 24 bits of length, then 40 of the first block, the 8 high ones first. */
function extentOf(block: Buffer, at: number): { readonly start: number; readonly length: number } {
  return {
    length: block.readUIntLE(at, 3),
    start: block.readUInt8(at + 3) * 2 ** 32 + block.readUInt32LE(at + 4),
  };
}

function uuidOf(bytes: Buffer): string | undefined {
  const digits = bytes.toString('hex');
  return /^0+$/.test(digits) ? undefined : digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
