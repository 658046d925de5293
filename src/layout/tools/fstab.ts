import { nameFromBytes, nameToBytes } from '../../kernel/text.ts';

/** `/etc/fstab` (fstab(5)): what shall be mounted, whether it is or not. */
export const fstabFile = '/etc/fstab';

export interface FstabEntry {
  /** Device, `UUID=…`, `LABEL=…`, `server:/path`, … */
  readonly spec: string;
  /** Where; `none` for swap. */
  readonly path: string;
  readonly type: string;
  readonly options: string;
  readonly dump: number;
  readonly pass: number;
}

/** A line that is none is passed over, as mount(8) does, and told to `onBad` with its number. */
export function parseFstab(content: string, onBad: (line: number) => void): FstabEntry[] {
  if (content.includes('\0')) throw new Error('not a text file');
  return content.split('\n').flatMap((line, index) => {
    const fields = line
      .replace(/(^|[ \t])#.*$/, '')
      .trim()
      .split(/[ \t]+/);
    if (fields[0] === '') return [];
    const [spec, path, type, options = 'defaults', dump = '0', pass = '0'] = fields.map(unescapeOctal);
    if (spec === undefined || path === undefined || type === undefined || !/^\d+ \d+$/.test(`${dump} ${pass}`)) {
      onBad(index + 1);
      return [];
    }
    return [{ spec, path: withoutSlash(path), type, options, dump: Number(dump), pass: Number(pass) }];
  });
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** Blank, tab, newline and backslash of a name stand as three octal digits, as in the kernel's own tables. */
export function unescapeOctal(field: string): string {
  if (!field.includes('\\')) return field;
  const octets = nameToBytes(field)
    .toString('latin1')
    .replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return nameFromBytes(Buffer.from(octets, 'latin1'));
}
