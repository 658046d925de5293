/** One 512-byte header of a tar archive, and the records of a pax extended header: pure functions over bytes. */
import { LifeboatError } from '../../kernel/errors.ts';
import { nameFromBytes } from '../../kernel/text.ts';

export const BLOCK = 512;

export interface Head {
  readonly type: string;
  /** Bytes of data that follow, before padding. */
  readonly size: number;
}

export interface Header extends Head {
  readonly name: string;
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

/** Values are bytes: a name or an attribute may hold anything. */
export type PaxRecords = ReadonlyMap<string, Buffer>;

export function damaged(what: string): LifeboatError {
  return new LifeboatError('archive-damaged', `the archive is damaged: ${what}`);
}

/** Whether the block that begins there is one. */
export function isZeroBlock(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0 && bytes.subarray(at, at + BLOCK).every((byte) => byte === 0);
}

/**
 * What the header that begins there is of.
 *
 * @throws LifeboatError `archive-damaged` when the checksum is wrong or a number is none
 */
export function parseHead(bytes: Buffer, at: number): Head {
  let sum = 8 * 0x20;
  for (let index = at; index < at + 148; index++) sum += bytes[index] ?? 0;
  for (let index = at + 156; index < at + BLOCK; index++) sum += bytes[index] ?? 0;
  if (sum !== number(bytes, at + 148, 8)) throw damaged('the checksum of a header is wrong');
  const type = bytes[at + 156] ?? 0;
  return { type: type === 0 ? '0' : String.fromCharCode(type), size: number(bytes, at + 124, 12) };
}

/** The rest of it. @throws LifeboatError `archive-damaged` when a number is none */
export function parseHeader(bytes: Buffer, at: number, { type, size }: Head): Header {
  const ustar = bytes.toString('latin1', at + 257, at + 263) === 'ustar\0';
  const prefix = ustar ? text(bytes, at + 345, 155) : '';
  const name = text(bytes, at, 100);
  return {
    type,
    size,
    name: prefix === '' ? name : `${prefix}/${name}`,
    link: text(bytes, at + 157, 100),
    mode: number(bytes, at + 100, 8) & 0o7777,
    uid: number(bytes, at + 108, 8),
    gid: number(bytes, at + 116, 8),
    mtime: number(bytes, at + 136, 12),
    major: number(bytes, at + 329, 8),
    minor: number(bytes, at + 337, 8),
  };
}

/** Octal digits, or GNU's base 256 when the first bit is set. */
function number(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if (first & 0x80) {
    let value = first === 0xff ? -1n : BigInt(first & 0x7f);
    for (let index = start + 1; index < start + length; index++) value = value * 256n + BigInt(block[index] ?? 0);
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) throw damaged('a number is out of range');
    return Number(value);
  }
  let value = 0;
  let index = start;
  while (index < start + length && block[index] === 0x20) index++;
  for (; index < start + length; index++) {
    const digit = (block[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  const end = block[index];
  if (index < start + length && end !== 0 && end !== 0x20) throw damaged('a number in a header is none');
  return value;
}

function text(block: Buffer, start: number, length: number): string {
  return block[start] === 0 ? '' : nameFromBytes(untilNul(block.subarray(start, start + length)));
}

/** The bytes before the first NUL. */
export function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** `"<length> <keyword>=<value>\n"` again and again; the length counts itself. */
export function parsePax(data: Buffer): Map<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let start = 0; start < data.length; ) {
    const space = data.indexOf(0x20, start);
    const digits = space < 0 || space - start > 10 ? '' : data.toString('latin1', start, space);
    const end = start + Number(digits);
    const equals = data.indexOf(0x3d, space);
    if (!/^[1-9]\d*$/.test(digits) || end > data.length || equals < 0 || equals >= end || data[end - 1] !== 0x0a) {
      throw damaged('an extended header cannot be read');
    }
    records.set(nameFromBytes(data.subarray(space + 1, equals)), data.subarray(equals + 1, end - 1));
    start = end;
  }
  return records;
}

/** A decimal number with a fraction, of seconds → nanoseconds in decimal. */
export function nanoseconds(value: string): string {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value);
  if (!match?.[2]) throw damaged('a time in an extended header is none');
  const ns = `${match[2]}${(match[3] ?? '').slice(0, 9).padEnd(9, '0')}`.replace(/^0+(?=\d)/, '');
  return ns === '0' ? ns : `${match[1]}${ns}`;
}

/** A decimal number of bytes, an owner, …. */
export function decimal(value: Buffer): number {
  const digits = value.toString('latin1');
  const result = Number(digits);
  if (!/^\d+$/.test(digits) || !Number.isSafeInteger(result)) throw damaged('a number in an extended header is none');
  return result;
}
