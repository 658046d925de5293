/** From the headers of one member to the {@link Entry} they describe. */
import type { Entry, EntryType } from '../entry.ts';
import { nameFromBytes } from '../../kernel/text.ts';
import { damaged, untilNul } from '../../kernel/tar-head.ts';
import { decimal, type Header, nanoseconds, type PaxRecords } from './header.ts';

const types: Readonly<Record<string, EntryType>> = {
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

const XATTR = 'SCHILY.xattr.';

export interface Member {
  /** Without the hash of the content, until that is known. */
  readonly entry: Entry & { sha256?: string };
  /** Name as it stands in the archive. */
  readonly name: string;
  /** Bytes stored for it, before padding. */
  readonly storedSize: number;
  readonly sparse: boolean;
}

/** @param longName and `longLink`: from GNU's members of type L and K */
export function readMember(header: Header, pax: PaxRecords, longName?: Buffer, longLink?: Buffer): Member {
  const name = text(pax.get('GNU.sparse.name') ?? pax.get('path')) ?? text(longName) ?? header.name;
  const link = text(pax.get('linkpath')) ?? text(longLink) ?? header.link;
  const type = types[header.type];
  if (type === undefined)
    throw damaged(`${JSON.stringify(name)} is of the unknown type ${JSON.stringify(header.type)}`);
  const storedSize = optional(pax.get('size'), decimal) ?? header.size;
  if (type !== 'file' && storedSize !== 0) throw damaged(`${JSON.stringify(name)} is no file and has content`);
  const sparse = isSparse(pax, name);
  const xattrs = attributes(pax);
  const entry: Entry = {
    path: entryPath(name),
    type,
    mode: header.mode,
    uid: optional(pax.get('uid'), decimal) ?? header.uid,
    gid: optional(pax.get('gid'), decimal) ?? header.gid,
    mtimeNs: nanoseconds(pax.get('mtime')?.toString('latin1') ?? String(header.mtime)),
    size: sparse ? decimal(pax.get('GNU.sparse.realsize') ?? Buffer.of()) : storedSize,
    ...(type === 'symlink' ? { link } : {}),
    ...(type === 'hardlink' ? { link: entryPath(link) } : {}),
    ...(type === 'char' || type === 'block' ? { device: { major: header.major, minor: header.minor } } : {}),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
  return { entry, name, storedSize, sparse };
}

/** `./etc/` → `etc`; the root itself → `''`. */
export function entryPath(name: string): string {
  const from = name.startsWith('.') ? name.replace(/^(?:\.\/+)+/, '') : name;
  const path = from.endsWith('/') ? from.replace(/\/+$/, '') : from;
  return path === '.' ? '' : path;
}

function isSparse(pax: PaxRecords, name: string): boolean {
  const version = `${pax.get('GNU.sparse.major')?.toString('latin1') ?? ''}.${pax.get('GNU.sparse.minor')?.toString('latin1') ?? ''}`;
  if (version === '1.0') return true;
  if (version !== '.' || pax.has('GNU.sparse.map') || pax.has('GNU.sparse.size')) {
    throw damaged(`${JSON.stringify(name)} is stored in an unknown sparse format`);
  }
  return false;
}

function attributes(pax: PaxRecords): Record<string, string> | undefined {
  let result: Record<string, string> | undefined;
  for (const [keyword, value] of pax) {
    if (!keyword.startsWith(XATTR)) continue;
    result ??= {};
    // GNU tar writes an equals sign in a name as %3D, and the per cent sign itself as %25.
    const name = keyword.slice(XATTR.length).replace(/%(3D|25)/g, (_, code) => (code === '25' ? '%' : '='));
    result[name] = value.toString('base64');
  }
  return result;
}

function text(bytes: Buffer | undefined): string | undefined {
  return bytes && nameFromBytes(untilNul(bytes));
}

function optional<T>(value: Buffer | undefined, parse: (value: Buffer) => T): T | undefined {
  return value === undefined ? undefined : parse(value);
}
