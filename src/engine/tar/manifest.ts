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
const entrySchema: z.ZodType<ManifestEntry> = z.object({
  path: z.string(),
  type: z.enum(['file', 'directory', 'symlink', 'hardlink', 'fifo', 'char', 'block']),
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

/**
 * The entries of a manifest, of this version or the first.
 *
 * @param compressed its bytes, decrypted
 * @returns (of the generator) the trailer
 * @throws LifeboatError (while iterating) `archive-damaged`, `newer-format`
 */
export async function* manifestEntries(
  compressed: AsyncIterable<Uint8Array>,
): AsyncGenerator<ManifestEntry, ManifestTrailer> {
  let count = -1;
  for await (const line of lines(decompressing(compressed))) {
    const value = parseLine(line);
    if (count < 0) checkHeader(value);
    else if (typeof value === 'object' && value !== null && 'end' in value) {
      const trailer = trailerSchema.safeParse(value);
      if (!trailer.success) throw damaged('its trailer cannot be read', trailer.error);
      if (trailer.data.entries !== count) throw damaged('its number of entries is wrong');
      return trailer.data;
    } else {
      const entry = entrySchema.safeParse(value);
      if (!entry.success) throw damaged('an entry cannot be read', entry.error);
      yield entry.data;
    }
    count++;
  }
  throw damaged('its end is missing');
}

/** The description that a manifest begins with. @throws LifeboatError `archive-damaged`, `newer-format` */
export async function manifestDescription(compressed: AsyncIterable<Uint8Array>): Promise<Json> {
  for await (const line of lines(decompressing(compressed))) return checkHeader(parseLine(line));
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

async function* lines(chunks: AsyncIterable<Buffer>): AsyncIterable<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, start)) {
      yield bytes.toString('utf8', start, end);
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
  }
  if (rest.length > 0) throw damaged('its last line is cut off');
}

function damaged(what: string, cause?: unknown): LifeboatError {
  return new LifeboatError('archive-damaged', `the manifest is damaged: ${what}`, { cause });
}
