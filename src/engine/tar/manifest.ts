/**
 * The manifest: every entry of an archive with the hash of its content, in the archive's order. Compressed lines of
 * JSON: a header with the point's description, one line for each entry, a trailer. Archive and manifest together are
 * all that a point needs.
 */
import { createZstdCompress } from 'node:zlib';
import { once } from 'node:events';
import { z } from 'zod';
import { LifeboatError } from '../../kernel/errors.ts';
import type { Json } from '../../kernel/json.ts';
import type { Entry } from '../entry.ts';
import { decompressing } from '../zstd.ts';
import type { StoredObject } from './stored.ts';

export const MANIFEST_FORMAT = 'lifeboat.manifest/1';

const lineSize = 256 * 1024;

/** Takes lines at once and compresses them in steps, so that it grows by the compressed size only. */
export class ManifestWriter {
  readonly #zstd = createZstdCompress();
  readonly #compressed: Buffer[] = [];
  #pending = '';

  constructor(description: Json) {
    this.#zstd.on('data', (chunk: Buffer) => this.#compressed.push(chunk));
    this.#line({ format: MANIFEST_FORMAT, description });
  }

  add(entry: Entry): void {
    this.#line(entry);
  }

  /** Compresses what has gathered. */
  async flush(): Promise<void> {
    if (this.#pending.length < lineSize) return;
    const text = this.#pending;
    this.#pending = '';
    if (!this.#zstd.write(text)) await once(this.#zstd, 'drain');
  }

  async finish(trailer: { entries: number; bytes: number; archive: StoredObject }): Promise<Buffer> {
    this.#line({ end: true, ...trailer });
    const ended = once(this.#zstd, 'end');
    this.#zstd.end(this.#pending);
    await ended;
    return Buffer.concat(this.#compressed);
  }

  #line(value: object): void {
    this.#pending += `${JSON.stringify(value)}\n`;
  }
}

const headerSchema = z.object({ format: z.string(), description: z.json() });
const trailerSchema = z.object({ end: z.literal(true), entries: z.number() });
const entrySchema: z.ZodType<Entry> = z.object({
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
});

/**
 * The entries of a manifest.
 *
 * @param compressed its stored bytes
 * @throws LifeboatError (while iterating) `archive-damaged`, `newer-format`
 */
export async function* manifestEntries(compressed: AsyncIterable<Uint8Array>): AsyncIterable<Entry> {
  let count = -1;
  for await (const line of lines(decompressing(compressed))) {
    const value = parseLine(line);
    if (count < 0) checkHeader(value);
    else if (typeof value === 'object' && value !== null && 'end' in value) {
      const trailer = trailerSchema.safeParse(value);
      if (trailer.data?.entries !== count) throw damaged('its number of entries is wrong');
      return;
    } else {
      const entry = entrySchema.safeParse(value);
      if (!entry.success) throw damaged('an entry cannot be read');
      yield entry.data;
    }
    count++;
  }
  throw damaged('its end is missing');
}

function checkHeader(value: unknown): void {
  const header = headerSchema.safeParse(value);
  if (!header.success) throw damaged('its header cannot be read');
  if (header.data.format !== MANIFEST_FORMAT) {
    throw new LifeboatError('newer-format', `the manifest is of the format ${header.data.format}`, {
      hint: 'Use a newer lifeboat.',
    });
  }
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
