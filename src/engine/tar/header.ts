/** The rest of a header of a tar archive, and the records of a pax extended header: pure functions over bytes. */
import { damaged, type Head, number, text } from '../../kernel/tar-head.ts';
import { nameFromBytes } from '../../kernel/text.ts';

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
