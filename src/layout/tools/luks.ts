/**
 * The header of LUKS, from its bytes: `cryptsetup luksDump` prints all of version 2 only from release 2.4 on, and takes a lock for it.
 * What is read holds no key, as those of the slots lie behind it; salts and digests are left out.
 */
import { hash } from 'node:crypto';
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { areaOfVersion1, areaOfVersion2, type Extent, type HeaderArea, upTo } from './luks-area.ts';
import type { LuksSettings, LuksSlot } from './luks-settings.ts';
import { type LuksToken, luksToken } from './luks-token.ts';

/** Of version 1 the keys follow after them; of version 2, its JSON. */
export const headBytes = 4096;
/** Where the second header of version 2 may lie, which is read when the first is damaged. */
export const secondHeaders: readonly number[] = Array.from({ length: 9 }, (_, power) => 0x4000 * 2 ** power);

export interface LuksHeader {
  readonly uuid: string;
  readonly label?: string;
  readonly subsystem?: string;
  readonly settings: LuksSettings;
  /** Absent where what it says of the places of its slots cannot be: nothing can be copied by that. */
  readonly area?: HeaderArea;
  /** SHA-256 of the header: another one when anything in it was changed, a salt too. */
  readonly sum: string;
  /** It is the second of the two, as the first is damaged. */
  readonly second?: true;
}

/** The beginning of one of version 2, whose JSON is still to be read. */
export interface LuksHead {
  readonly version: 2;
  /** With the head. */
  readonly lengthBytes: number;
}

const firstMagic = Buffer.from('LUKS\xba\xbe', 'latin1');
const secondMagic = Buffer.from('SKUL\xba\xbe', 'latin1');

/**
 * The header of version 1, or how long one of version 2 is; `damaged` for what is neither.
 *
 * @param offset where it was read: the second header lies right behind the first, and says where it is
 * @throws Error for a version that is not known
 */
export function parseHead(head: Buffer, offset = 0): LuksHeader | LuksHead | 'damaged' {
  const magic = offset === 0 ? firstMagic : secondMagic;
  if (head.length !== headBytes || !magic.equals(head.subarray(0, 6))) return 'damaged';
  const version = head.readUInt16BE(6);
  if (version === 1 && offset === 0) return parseVersion1(head);
  if (version !== 2) throw new Error(`version ${version} of LUKS is not known`);
  const lengthBytes = Number(head.readBigUInt64BE(8));
  const isHere = head.readBigUInt64BE(256) === BigInt(offset) && (offset === 0 || lengthBytes === offset);
  return isHere && secondHeaders.includes(lengthBytes) ? { version, lengthBytes } : 'damaged';
}

const sector = 512;
const slotInUse = 0x00ac71f3;

/** `struct luks_phdr` of the specification of LUKS1. */
function parseVersion1(head: Buffer): LuksHeader {
  const keyBytes = head.readUInt32BE(108);
  const digest = textOf(head.subarray(72, 104));
  const all = Array.from({ length: 8 }, (_, number) => ({ number, at: head.subarray(208 + 48 * number) })).map(
    ({ number, at }) => ({
      inUse: at.readUInt32BE(0) === slotInUse,
      number,
      pbkdf: { type: 'pbkdf2', hash: digest, iterations: at.readUInt32BE(4) },
      stripes: at.readUInt32BE(44),
      offsetBytes: at.readUInt32BE(40) * sector,
    }),
  );
  const placeOf = ({ stripes, offsetBytes }: LuksSlot): Extent => ({
    offsetBytes,
    lengthBytes: upTo(sector, keyBytes * (stripes ?? 0)),
  });
  const slots = all.filter(({ inUse }) => inUse).map(({ inUse: _inUse, ...slot }): LuksSlot => slot);
  return {
    uuid: textOf(head.subarray(168, 208)),
    sum: hash('sha256', head),
    ...present({ area: areaOfVersion1(all.map(placeOf), slots.map(placeOf)) }),
    settings: {
      version: 1,
      cipher: [textOf(head.subarray(8, 40)), textOf(head.subarray(40, 72))].join('-'),
      keyBytes,
      hash: digest,
      sectorSize: sector,
      offsetBytes: head.readUInt32BE(104) * sector,
      flags: [],
      requirements: [],
      slots,
      tokens: [],
    },
  };
}

const count = z.number().nonnegative();
/** 64-bit numbers are strings there. */
const large = z
  .string()
  .regex(/^\d{1,20}$/)
  .transform(Number);
const byNumber = <T extends z.ZodType>(item: T) => z.record(z.string().regex(/^\d+$/), item);

const jsonSchema = z.object({
  keyslots: byNumber(
    z.object({
      type: z.string(),
      key_size: count.exactOptional(),
      priority: count.exactOptional(),
      af: z.object({ stripes: count.exactOptional(), hash: z.string().exactOptional() }).exactOptional(),
      area: z.object({
        offset: large,
        size: large,
        encryption: z.string().exactOptional(),
        key_size: count.exactOptional(),
      }),
      kdf: z
        .object({
          type: z.string(),
          hash: z.string().exactOptional(),
          iterations: count.exactOptional(),
          time: count.exactOptional(),
          memory: count.exactOptional(),
          cpus: count.exactOptional(),
        })
        .exactOptional(),
    }),
  ),
  tokens: byNumber(z.looseObject({ type: z.string(), keyslots: z.array(z.string()) })),
  segments: byNumber(
    z.object({
      type: z.string(),
      offset: large,
      size: z.union([z.literal('dynamic'), large]),
      iv_tweak: large.exactOptional(),
      encryption: z.string().exactOptional(),
      sector_size: count.exactOptional(),
      integrity: z
        .object({
          type: z.string(),
          journal_encryption: z.string(),
          journal_integrity: z.string(),
          key_size: count.exactOptional(),
        })
        .exactOptional(),
      opal_segment_number: count.exactOptional(),
      opal_segment_size: large.exactOptional(),
      opal_key_size: count.exactOptional(),
      flags: z.array(z.string()).default([]),
    }),
  ),
  digests: byNumber(
    z.object({ segments: z.array(z.string()), keyslots: z.array(z.string()), hash: z.string().exactOptional() }),
  ),
  config: z.object({
    keyslots_size: large,
    flags: z.array(z.string()).default([]),
    requirements: z.object({ mandatory: z.array(z.string()).default([]) }).default({ mandatory: [] }),
  }),
});

type Json = z.infer<typeof jsonSchema>;

/**
 * A header of version 2, head and JSON; `damaged` if it is not what its checksum says.
 *
 * @throws Error for a JSON that is not that of LUKS
 */
export function parseVersion2(header: Buffer): LuksHeader | 'damaged' {
  if (!isWhole(header)) return 'damaged';
  const json = header.subarray(headBytes);
  const end = json.indexOf(0);
  const found = jsonSchema.parse(JSON.parse(json.toString('utf8', 0, end === -1 ? json.length : end)));
  const { keyslots, config } = found;
  const places = sorted(keyslots).map(([, { area }]) => ({ offsetBytes: area.offset, lengthBytes: area.size }));
  return {
    uuid: textOf(header.subarray(168, 208)),
    ...present({
      label: said(header.subarray(24, 72)),
      subsystem: said(header.subarray(208, 256)),
      area: areaOfVersion2(header.length, config.keyslots_size, places),
    }),
    sum: hash('sha256', header),
    settings: settingsOf(found, header.length),
  };
}

function isWhole(header: Buffer): boolean {
  const algorithm = textOf(header.subarray(72, 104));
  const cleared = Buffer.from(header);
  cleared.fill(0, 448, 512);
  try {
    const sum = hash(algorithm, cleared, 'buffer');
    return sum.equals(header.subarray(448, 448 + sum.length));
  } catch {
    return false;
  }
}

function settingsOf({ keyslots, tokens, segments, digests, config }: Json, metadataBytes: number): LuksSettings {
  // While it is encrypted anew there are several, and copies of what was and will be: that counts, as for cryptsetup itself.
  const all = sorted(segments);
  const [number, data] =
    all.find(([, { flags }]) => flags.includes('backup-final')) ??
    all.find(([, { flags }]) => !flags.some((flag) => flag.startsWith('backup-'))) ??
    [];
  if (number === undefined || data === undefined) throw new Error('no segment of data');
  const digest = Object.values(digests).find(({ segments: of }) => of.includes(String(number)));
  const keyBytes = sorted(keyslots).find(([slot]) => digest?.keyslots.includes(String(slot)))?.[1].key_size;
  const { integrity, type } = data;
  const isUnbound = (slot: string): boolean =>
    keyslots[slot]?.type === 'luks2' &&
    !Object.values(digests).some((one) => one.keyslots.includes(slot) && one.segments.length > 0);
  return {
    version: 2,
    sectorSize: data.sector_size ?? sector,
    offsetBytes: data.offset,
    ...present({
      cipher: data.encryption,
      keyBytes,
      hash: digest?.hash,
      lengthBytes: data.size === 'dynamic' ? undefined : data.size,
      ivOffset: data.iv_tweak === 0 ? undefined : data.iv_tweak,
      segmentType: type === 'crypt' ? undefined : type,
    }),
    ...(integrity === undefined
      ? {}
      : {
          integrity: {
            type: integrity.type,
            journalEncryption: integrity.journal_encryption,
            journalIntegrity: integrity.journal_integrity,
            ...present({ keyBytes: integrity.key_size }),
          },
        }),
    ...(data.opal_segment_number === undefined
      ? {}
      : {
          opal: {
            range: data.opal_segment_number,
            sizeBytes: data.opal_segment_size ?? 0,
            keyBytes: data.opal_key_size ?? 0,
          },
        }),
    metadataBytes,
    keyslotsBytes: config.keyslots_size,
    flags: [...config.flags].sort(),
    requirements: [...config.requirements.mandatory].sort(),
    slots: sorted(keyslots).map(([slot, found]) => slotOf(slot, found, isUnbound(String(slot)))),
    tokens: sorted(tokens).map(([token, found]): LuksToken => luksToken(token, found)),
  };
}

function slotOf(
  number: number,
  { type, key_size, priority, af, area, kdf }: Json['keyslots'][string],
  unbound: boolean,
): LuksSlot {
  return {
    number,
    ...present({
      type: type === 'luks2' ? undefined : type,
      unbound: unbound ? (true as const) : undefined,
      keyBytes: key_size,
      priority: priority === 0 ? ('ignore' as const) : priority === 2 ? ('prefer' as const) : undefined,
      cipher: area.encryption,
      cipherKeyBytes: area.key_size,
      stripes: af?.stripes,
      stripesHash: af?.hash,
    }),
    ...(kdf === undefined
      ? {}
      : {
          pbkdf: {
            type: kdf.type,
            ...present({
              hash: kdf.hash,
              iterations: kdf.iterations,
              time: kdf.time,
              memoryKiB: kdf.memory,
              threads: kdf.cpus,
            }),
          },
        }),
    offsetBytes: area.offset,
    lengthBytes: area.size,
  };
}

/** JSON has no order of its own. */
function sorted<T>(items: Readonly<Record<string, T>>): [number, T][] {
  return Object.entries(items)
    .map(([number, item]): [number, T] => [Number(number), item])
    .sort(([a], [b]) => a - b);
}

function textOf(field: Buffer): string {
  const end = field.indexOf(0);
  return nameFromBytes(end === -1 ? field : field.subarray(0, end));
}

function said(field: Buffer): string | undefined {
  const found = textOf(field);
  return found === '' ? undefined : found;
}
