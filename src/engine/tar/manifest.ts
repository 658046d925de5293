/**
 * The manifest of a point, `lifeboat.manifest/2`: every entry that it has, wherever that is stored. Compressed lines of
 * JSON: a header with the point's description, one line for each entry, a trailer. An entry stands after the directory
 * that it is in; those of one archive stand in the order of that archive.
 */
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { z } from 'zod';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Json } from '../../kernel/json.ts';
import type { Entry } from '../entry.ts';
import { decompressing } from '../zstd.ts';
import type { StoredObject } from './stored.ts';

export const MANIFEST_FORMAT = 'lifeboat.manifest/2';

/** An entry, where it is stored, and what a later backup compares to know whether it has changed. */
export interface ManifestEntry extends Entry {
  /** Id of the earlier point whose archive holds it; absent where it is this point's own. All names of a file are in one. */
  readonly in?: string;
  /** When the inode was changed last, nanoseconds since 1970. Absent where a later change might not have been told by it. */
  readonly ctimeNs?: string;
  /** `device:inode` */
  readonly inode?: string;
}

export interface ManifestTrailer {
  /** Of the whole point. */
  readonly entries: number;
  readonly bytes: number;
  readonly archive: StoredObject;
}

const compress = promisify(zstdCompress);
const params = { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 };
const blockSize = 1024 * 1024;
/** Bytes of UTF-8 that a unit of a string takes at most. */
const widest = 3;

/** Takes lines at once and compresses them block by block, so that it grows by the compressed size only. */
export class ManifestWriter {
  readonly #blocks: Promise<Buffer>[] = [];
  #block = Buffer.allocUnsafeSlow(blockSize);
  #size = 0;

  constructor(description: Json) {
    this.#line(JSON.stringify({ format: MANIFEST_FORMAT, description }));
  }

  add(entry: ManifestEntry): void {
    this.#line(JSON.stringify(entry));
  }

  async finish(trailer: ManifestTrailer): Promise<Buffer> {
    this.#line(JSON.stringify({ end: true, ...trailer }));
    this.#end();
    return Buffer.concat(await Promise.all(this.#blocks));
  }

  #line(line: string): void {
    if (this.#size + widest * line.length + 1 > blockSize) this.#end();
    if (widest * line.length + 1 > blockSize) {
      this.#compress(Buffer.from(`${line}\n`));
      return;
    }
    this.#size += this.#block.write(line, this.#size);
    this.#block[this.#size++] = 0x0a;
  }

  #end(): void {
    if (this.#size === 0) return;
    this.#compress(this.#block.subarray(0, this.#size));
    this.#block = Buffer.allocUnsafeSlow(blockSize);
    this.#size = 0;
  }

  #compress(bytes: Buffer): void {
    const block = compress(bytes, { params, chunkSize: blockSize });
    // Looked at by `finish`; a backup that fails before never asks.
    block.catch(() => undefined);
    this.#blocks.push(block);
  }
}

const headerSchema = z.object({ format: z.string(), description: z.json() });
const storedObject = z.object({ key: z.string(), size: z.number(), sha256: z.string() });
const trailerSchema = z.object({
  end: z.literal(true),
  entries: z.number(),
  bytes: z.number(),
  archive: storedObject,
});
const entryTypes = ['file', 'directory', 'symlink', 'hardlink', 'fifo', 'char', 'block'] as const;
const entrySchema: z.ZodType<ManifestEntry> = z.object({
  path: z.string(),
  type: z.enum(entryTypes),
  mode: z.number(),
  uid: z.number(),
  gid: z.number(),
  mtimeNs: z.string(),
  size: z.number(),
  sha256: z.string().exactOptional(),
  link: z.string().exactOptional(),
  device: z.object({ major: z.number(), minor: z.number() }).exactOptional(),
  xattrs: z.record(z.string(), z.string()).exactOptional(),
  flags: z.string().exactOptional(),
  in: z.string().exactOptional(),
  ctimeNs: z.string().exactOptional(),
  inode: z.string().exactOptional(),
});

const isText = (value: unknown) => typeof value === 'string';
const plainFields: ReadonlyMap<string, (value: unknown) => boolean> = new Map(
  Object.entries({
    path: isText,
    type: (value: unknown) => entryTypes.some((type) => type === value),
    mode: Number.isFinite,
    uid: Number.isFinite,
    gid: Number.isFinite,
    mtimeNs: isText,
    size: Number.isFinite,
    sha256: isText,
    link: isText,
    flags: isText,
    in: isText,
    ctimeNs: isText,
    inode: isText,
  } satisfies Partial<Record<keyof ManifestEntry, (value: unknown) => boolean>>),
);
const always = ['path', 'type', 'mode', 'uid', 'gid', 'mtimeNs', 'size'] as const;

/**
 * What the schema takes as it is, told in a tenth of its time: a million lines are asked for it. The others are the schema's.
 */
function isPlainEntry(value: object): value is ManifestEntry {
  for (const [name, field] of Object.entries(value)) if (plainFields.get(name)?.(field) !== true) return false;
  return always.every((name) => name in value);
}

/**
 * The entries of a manifest, of this version or the first, many at once.
 *
 * @param compressed its bytes, decrypted
 * @returns (of the generator) the trailer
 * @throws LifeboatError (while iterating) `archive-damaged`, `newer-format`
 */
export async function* manifestEntries(
  compressed: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly ManifestEntry[], ManifestTrailer> {
  let count = -1;
  for await (const batch of lines(decompressing(compressed))) {
    const entries: ManifestEntry[] = [];
    for (const line of batch) {
      const value = parseLine(line);
      if (count < 0) checkHeader(value);
      else if (typeof value === 'object' && value !== null && 'end' in value) {
        const trailer = trailerSchema.safeParse(value);
        if (!trailer.success) throw damaged('its trailer cannot be read', trailer.error);
        if (trailer.data.entries !== count) throw damaged('its number of entries is wrong');
        yield entries;
        return trailer.data;
      } else entries.push(entryOf(value));
      count++;
    }
    yield entries;
  }
  throw damaged('its end is missing');
}

function entryOf(value: unknown): ManifestEntry {
  if (typeof value === 'object' && value !== null && isPlainEntry(value)) return value;
  const entry = entrySchema.safeParse(value);
  if (!entry.success) throw damaged('an entry cannot be read', entry.error);
  return entry.data;
}

/** The description that a manifest begins with. @throws LifeboatError `archive-damaged`, `newer-format` */
export async function manifestDescription(compressed: AsyncIterable<Uint8Array>): Promise<Json> {
  for await (const [line] of lines(decompressing(compressed))) {
    if (line !== undefined) return checkHeader(parseLine(line));
  }
  throw damaged('it is empty');
}

function checkHeader(value: unknown): Json {
  const header = headerSchema.safeParse(value);
  if (!header.success) throw damaged('its header cannot be read', header.error);
  if (header.data.format !== MANIFEST_FORMAT && header.data.format !== 'lifeboat.manifest/1') {
    throw new LifeboatError('newer-format', `the manifest is of the format ${header.data.format}`, {
      hint: 'Use a newer lifeboat.',
    });
  }
  return header.data.description;
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw damaged('a line is no JSON', error);
  }
}

/** As many at once as a chunk ends. */
async function* lines(chunks: AsyncIterable<Buffer>): AsyncIterable<readonly string[]> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.lastIndexOf(0x0a) + 1;
    rest = Buffer.from(bytes.subarray(whole));
    if (whole > 0) yield bytes.toString('utf8', 0, whole - 1).split('\n');
  }
  if (rest.length > 0) throw damaged('its last line is cut off');
}

function damaged(what: string, cause?: unknown): LifeboatError {
  return new LifeboatError('archive-damaged', `the manifest is damaged: ${what}`, { cause });
}
