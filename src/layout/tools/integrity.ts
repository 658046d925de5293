/** What dm-integrity keeps of itself on its device, and the kernel's table of one that is open. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';

/** Past the kernel's cache, in which there may be what was there before dm-integrity wrote it. */
export const superblockArgv = (device: string): Argv => [
  'dd',
  `if=${device}`,
  'bs=4096',
  'count=1',
  'iflag=direct',
  'status=none',
];
/** Without `--showkeys` there are zeros in place of keys. */
export const tableArgv = (major: string, minor: string): Argv => [
  'dmsetup',
  'table',
  '--major',
  major,
  '--minor',
  minor,
];

const flagNames = ['journal-mac', 'recalculating', 'dirty-bitmap', 'fix-padding', 'fix-hmac', 'inline'];
/** States, by the same bits. */
const states = new Set(['recalculating', 'dirty-bitmap']);

export interface Superblock {
  readonly version: number;
  /** Bytes of what is kept of each sector. */
  readonly tagBytes: number;
  readonly sectorSize: number;
  /** 0 for metadata that lies on a device of its own. */
  readonly interleaveSectors: number;
  readonly journalSections: number;
  readonly dataBytes: number;
  readonly flags: readonly string[];
  /** Random, so that no other has it; absent of those that old kernels made. */
  readonly salt?: string;
}

export function isSuperblock(block: Buffer): boolean {
  return block.length >= 64 && block.toString('latin1', 0, 8) === 'integrt\0';
}

/** The kernel has no larger ones. */
const largest = { sectorSize: 4096, interleaveSectors: 2 ** 31 };

/** `struct superblock` of the kernel's `drivers/md/dm-integrity.c`. */
export function parseSuperblock(block: Buffer): Superblock {
  if (!isSuperblock(block)) throw new Error('not a superblock of dm-integrity');
  const flags = block.readUInt32LE(24);
  const interleave = block.readUInt8(9);
  const sectorSize = 512 * 2 ** block.readUInt8(28);
  const interleaveSectors = interleave === 0 ? 0 : 2 ** interleave;
  const dataBytes = Number(block.readBigUInt64LE(16)) * 512;
  if (sectorSize > largest.sectorSize || interleaveSectors > largest.interleaveSectors) throw new Error('damaged');
  if (!Number.isSafeInteger(dataBytes)) throw new Error('damaged');
  const salt = block.toString('hex', 48, 64);
  return {
    version: block.readUInt8(8),
    tagBytes: block.readUInt16LE(10),
    sectorSize,
    interleaveSectors,
    journalSections: block.readUInt32LE(12),
    dataBytes,
    flags: flagNames.filter((name, bit) => (flags & (1 << bit)) !== 0 && !states.has(name)),
    ...present({ salt: /^0+$/.test(salt) ? undefined : salt }),
  };
}

export interface Table {
  readonly mode: string;
  readonly algorithm?: string;
  readonly keyBytes?: number;
  /** The other settings: `commit_time`, `journal_watermark`, … */
  readonly options: Readonly<Record<string, string>>;
  /** Number of the device with the metadata, if it is another. */
  readonly metaDevice?: string;
}

const modes: Readonly<Record<string, string>> = { J: 'journal', B: 'bitmap', D: 'direct', R: 'recovery', I: 'inline' };
/** Algorithms, behind which there may be a key. */
const keyed = new Set(['internal_hash', 'journal_mac', 'journal_crypt']);
/** What the superblock tells, and what shows what it does just now. */
const toldElsewhere = /^(block_size|journal_sectors|interleave_sectors|fix_padding|fix_hmac|recalculate|meta_device)$/;

/**
 * `0 182816 integrity 254:0 0 32 J 8 journal_sectors:1496 … internal_hash:hmac(sha256):0000…`
 *
 * @throws Error for a table that is none of one target `integrity`
 */
export function parseTable(stdout: string): Table {
  const [, mode = '', rest = ''] = /^0 \d+ integrity \S+ \d+ (?:\d+|-) ([JBDRI]) \d+ ?([^\n]*)\n?$/.exec(stdout) ?? [];
  if (mode === '') throw new Error('not the table of one target');
  const said = new Map(
    rest
      .split(' ')
      .filter((word) => word !== '')
      .map((word): [string, string] => {
        const [, name = word, value = ''] = /^([^:]+):(.*)$/.exec(word) ?? [];
        return [name, value];
      }),
  );
  const [algorithm, key] = said.get('internal_hash')?.split(':') ?? [];
  const options = [...said].filter(([name]) => name !== 'internal_hash' && !toldElsewhere.test(name));
  return {
    mode: modes[mode] ?? mode,
    options: Object.fromEntries(
      options.map(([name, value]) => [name, keyed.has(name) ? value.replace(/:.*$/, '') : value] as const),
    ),
    ...present({
      algorithm,
      keyBytes: key === undefined ? undefined : key.length / 2,
      metaDevice: said.get('meta_device'),
    }),
  };
}
