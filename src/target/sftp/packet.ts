/** Packets of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02), as bytes. */

export const types = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  realpath: 16,
  stat: 17,
  rename: 18,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const statuses = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8,
} as const;

export const openFlags = { read: 1, write: 2, create: 8, exclusive: 32 } as const;

/** A number is 32 bits, a bigint 64; text and bytes come with their length. */
export type Field = number | bigint | string | Uint8Array;

/** A packet with its length in front. */
export function packet(type: number, ...fields: readonly Field[]): Buffer {
  const raw = fields.map((field) => (typeof field === 'string' ? Buffer.from(field) : field));
  const length = raw.reduce<number>((sum, field) => sum + sizeOf(field), 1);
  const bytes = Buffer.allocUnsafe(4 + length);
  let at = bytes.writeUInt8(type, bytes.writeUInt32BE(length, 0));
  for (const field of raw) {
    if (typeof field === 'number') at = bytes.writeUInt32BE(field, at);
    else if (typeof field === 'bigint') at = bytes.writeBigUInt64BE(field, at);
    else {
      at = bytes.writeUInt32BE(field.length, at);
      bytes.set(field, at);
      at += field.length;
    }
  }
  return bytes;
}

function sizeOf(field: number | bigint | Uint8Array): number {
  if (typeof field === 'number') return 4;
  return typeof field === 'bigint' ? 8 : 4 + field.length;
}

export interface Attributes {
  readonly size: number | undefined;
  /** With the kind of file; a server may leave it out. */
  readonly mode: number | undefined;
  /** The protocol has whole seconds. */
  readonly mtimeMs: number | undefined;
}

/** Takes a packet apart, in order. Throws RangeError when it ends too early. */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    this.#at += 1;
    return this.#bytes.readUInt8(this.#at - 1);
  }

  uint32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  uint64(): number {
    this.#at += 8;
    return Number(this.#bytes.readBigUInt64BE(this.#at - 8));
  }

  /** A view: what keeps it keeps the packet. */
  bytes(): Buffer {
    const length = this.uint32();
    if (this.#at + length > this.#bytes.length) throw new RangeError('the packet ends too early');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  attributes(): Attributes {
    const flags = this.uint32();
    const size = flags & 1 ? this.uint64() : undefined;
    if (flags & 2) this.#at += 8;
    const mode = flags & 4 ? this.uint32() : undefined;
    const times = flags & 8 ? [this.uint32(), this.uint32()] : [];
    if (flags & 0x80000000) {
      for (let left = this.uint32(); left > 0; left -= 1) {
        this.bytes();
        this.bytes();
      }
    }
    const mtime = times[1];
    return { size, mode, mtimeMs: mtime === undefined ? undefined : mtime * 1000 };
  }
}
