/** What stands at the head of each member of a tar archive: pure functions over bytes. */
import { LifeboatError } from './errors.ts';
import { nameFromBytes } from './text.ts';

export const BLOCK = 512;

export interface Head {
  readonly type: string;
  /** Bytes of data that follow, before padding. */
  readonly size: number;
}

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

/** Octal digits, or GNU's base 256 when the first bit is set. */
export function number(block: Buffer, start: number, length: number): number {
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

/** A name as a header holds it. */
export function text(block: Buffer, start: number, length: number): string {
  return block[start] === 0 ? '' : nameFromBytes(untilNul(block.subarray(start, start + length)));
}

/** The bytes before the first NUL. */
export function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}
