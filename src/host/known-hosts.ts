/** The file in which OpenSSH keeps the keys of the hosts it knows. */
import { createHash, createHmac } from 'node:crypto';

export interface KnownHost {
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  /** Patterns separated by commas, or a hashed name. */
  readonly hosts: string;
  readonly type: string;
  readonly key: Buffer;
}

/** Entries of a `known_hosts` file; a line that is none is passed over, as OpenSSH does. */
export function parseKnownHosts(text: string): readonly KnownHost[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(?:@(revoked|cert-authority)\s+)?([^#@\s]\S*)\s+([a-z]\S*)\s+([A-Za-z0-9+/]+=*)/.exec(line);
    const [, marker, hosts, type, key] = match ?? [];
    if (hosts === undefined || type === undefined || key === undefined) return [];
    const known = marker === 'revoked' || marker === 'cert-authority' ? marker : undefined;
    return [{ marker: known, hosts, type, key: Buffer.from(key, 'base64') }];
  });
}

/** How a host is named in the file. */
export function hostPattern(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** Whether an entry is about the host called `name` (of {@link hostPattern}). */
export function isEntryOf(entry: KnownHost, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(entry.hosts);
  if (hashed !== null) {
    const [, salt = '', hash = ''] = hashed;
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  const patterns = entry.hosts.split(',').map((pattern) => pattern.toLowerCase());
  const refused = patterns.some((pattern) => pattern.startsWith('!') && globMatches(pattern.slice(1), name));
  return !refused && patterns.some((pattern) => globMatches(pattern, name));
}

function globMatches(glob: string, name: string): boolean {
  const pattern = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${pattern}$`).test(name);
}

export type KeyVerdict = 'known' | 'unknown' | 'changed' | 'revoked';

/** What the files say about the key that a host has shown. */
export function judgeKey(entries: readonly KnownHost[], name: string, key: Buffer): KeyVerdict {
  const own = entries.filter((entry) => isEntryOf(entry, name));
  if (own.some((entry) => entry.marker === 'revoked' && entry.key.equals(key))) return 'revoked';
  const plain = own.filter((entry) => entry.marker === undefined);
  if (plain.some((entry) => entry.key.equals(key))) return 'known';
  // A key of another type too: the types that are known are asked for first, so the host no longer has any of those.
  return plain.length > 0 ? 'changed' : 'unknown';
}

/** The name of the kind of key, which a key in SSH's form begins with. */
export function keyType(key: Buffer): string {
  if (key.length < 4) return '';
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

/** As `ssh` and `ssh-keygen -l` print it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
