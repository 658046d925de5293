/** What bcache keeps of itself: a superblock on each device, and what runs in sysfs. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';

/** The superblock stands 4 KiB behind the start of a device; after its first 256 bytes come the places of the journal. */
export const superblockArgv = (device: string): Argv => [
  'dd',
  `if=${device}`,
  'bs=256',
  'skip=16',
  'count=1',
  'status=none',
];

const magic = 'c68573f64e1a45ca8265f57f48ba6d81';
const sector = 512;
const modes = ['writethrough', 'writeback', 'writearound', 'none'];
/** In the words of sysfs. */
const states = ['no cache', 'clean', 'dirty', 'inconsistent'];
const replacements = ['lru', 'fifo', 'random'];

interface Common {
  readonly uuid: string;
  /** Of the set of caches; absent for a device that has none. */
  readonly set?: string;
  readonly label?: string;
  readonly blockBytes: number;
}

/** A device whose data is cached. */
export interface Backing extends Common {
  readonly role: 'backing';
  readonly dataOffsetBytes: number;
  readonly cacheMode: string;
  readonly state: string;
}

export interface Cache extends Common {
  readonly role: 'cache';
  /** Absent where the superblock has it in a way of one kernel only. */
  readonly bucketBytes?: number;
  readonly replacement: string;
  readonly discard: boolean;
  /** How many caches are in the set. */
  readonly caches: number;
}

/**
 * `struct cache_sb_disk` of the kernel's `drivers/md/bcache/bcache_ondisk.h`.
 *
 * @param sizeBytes of the device
 */
export function parseSuperblock(block: Buffer, sizeBytes: number): Backing | Cache {
  if (block.length < 208 || block.toString('hex', 24, 40) !== magic) throw new Error('not a superblock of bcache');
  const version = Number(block.readBigUInt64LE(16));
  const flags = block.readBigUInt64LE(104);
  const bits = (from: number, count: number): number => Number((flags >> BigInt(from)) & ((1n << BigInt(count)) - 1n));
  const set = uuidAt(block, 56);
  const state = states[bits(61, 2)] ?? 'inconsistent';
  const isBacking = [1, 4, 6].includes(version);
  const common = {
    uuid: uuidAt(block, 40),
    blockBytes: block.readUInt16LE(192) * sector,
    ...present({
      // What was never cached has any.
      set: isBacking && state === 'no cache' ? undefined : set,
      label: block.toString('latin1', 72, 104).replace(/\0.*/s, '') || undefined,
    }),
  };
  if (isBacking) {
    // The first version knew no other place.
    const dataOffsetBytes = (version === 1 ? 16 : Number(block.readBigUInt64LE(184))) * sector;
    if (dataOffsetBytes > sizeBytes) throw new Error(`data that begins at ${dataOffsetBytes}`);
    return {
      role: 'backing',
      ...common,
      dataOffsetBytes,
      cacheMode: modes[bits(0, 4)] ?? `mode ${bits(0, 4)}`,
      state,
    };
  }
  if (![0, 3, 5].includes(version)) throw new Error(`version ${version} of the superblock`);
  return {
    role: 'cache',
    ...common,
    ...present({ bucketBytes: version === 5 ? largeBucket(block) : block.readUInt16LE(194) * sector }),
    replacement: replacements[bits(2, 3)] ?? `policy ${bits(2, 3)}`,
    discard: bits(1, 1) === 1,
    caches: block.readUInt16LE(196),
  };
}

function uuidAt(block: Buffer, at: number): string {
  return block.toString('hex', at, at + 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** By features: as the power of two that it is, as a number, or with its upper half elsewhere, which was soon given up. */
function largeBucket(block: Buffer): number | undefined {
  const features = Number(block.readBigUInt64LE(128));
  const said = block.readUInt16LE(194);
  if ((features & 2) !== 0) return said < 32 ? 2 ** said * sector : undefined;
  return (features & 1) === 0 ? said * sector : undefined;
}

/** What sysfs tells of a device of bcache that runs. */
export interface Running {
  readonly state?: string;
  /** About how much has not been written back. */
  readonly dirtyBytes?: number;
}

const attributes = ['state', 'dirty_data'];

/** Of devices by their names, such as `bcache0`. */
export function runningArgv([first, ...rest]: readonly [string, ...string[]]): Argv {
  const files = [first, ...rest].flatMap((name) =>
    attributes.map((attribute) => `/sys/block/${name}/bcache/${attribute}`),
  );
  // "-s": what has gone meanwhile is no error.
  return ['grep', '-sH', '', ...files];
}

const units = ['', 'k', 'M', 'G', 'T', 'P'];

export function parseRunning(stdout: string): Map<string, Running> {
  const found = new Map<string, Running>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [, name, attribute, value = ''] = /^\/sys\/block\/([^/]+)\/bcache\/(\w+):(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`not an attribute: ${JSON.stringify(line)}`);
    found.set(name, {
      ...found.get(name),
      ...(attribute === 'state' ? { state: value } : { dirtyBytes: about(value) }),
    });
  }
  return found;
}

/** `9.1M`, `0.0k`, `512`. */
function about(value: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([kMGTP]?)$/.exec(value) ?? [];
  if (number === undefined) throw new Error(`not an amount: ${JSON.stringify(value)}`);
  return Math.round(Number(number) * 1024 ** units.indexOf(unit));
}

/** What a superblock of a device that is cached says, but for its set: the kernel writes that when it attaches the device. */
export interface NewBacking {
  readonly uuid: string;
  readonly label?: string;
  readonly blockBytes: number;
  readonly dataOffsetBytes: number;
  readonly cacheMode: string;
}

/** Its bytes, for 4 KiB behind the start of the device: make-bcache(8) would choose the UUID by itself. */
export function backingSuperblock({ uuid, label = '', blockBytes, dataOffsetBytes, cacheMode }: NewBacking): Buffer {
  const block = Buffer.alloc(4096);
  const dataOffset = dataOffsetBytes / sector;
  block.writeBigUInt64LE(8n, 8);
  block.writeBigUInt64LE(dataOffset === 16 ? 1n : 4n, 16);
  block.write(magic, 24, 'hex');
  block.write(uuid.replaceAll('-', ''), 40, 'hex');
  block.write(label, 72, 32, 'latin1');
  block.writeBigUInt64LE(BigInt(Math.max(0, modes.indexOf(cacheMode))), 104);
  if (dataOffset !== 16) block.writeBigUInt64LE(BigInt(dataOffset), 184);
  block.writeUInt16LE(blockBytes / sector, 192);
  // Of caches alone; make-bcache(8) writes it into both.
  block.writeUInt16LE(1024, 194);
  block.writeBigUInt64LE(superblockSum(block), 0);
  return block;
}

const allBits = 2n ** 64n - 1n;
const polynomial = 0x42f0e1eba9ea3693n;

/** CRC-64 of all behind it that is in use: 208 bytes, as no place of a journal follows. */
export function superblockSum(block: Buffer): bigint {
  let sum = allBits;
  for (const byte of block.subarray(8, 208)) {
    sum ^= BigInt(byte) << 56n;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum & (1n << 63n)) === 0n ? (sum << 1n) & allBits : ((sum << 1n) & allBits) ^ polynomial;
    }
  }
  return sum ^ allBits;
}
