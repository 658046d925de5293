/**
 * One file, directory or special file with everything that has to come back, whichever way it was learned: from an
 * archive's headers, from a manifest, or from a filesystem.
 */
import type { Finding } from './engine.ts';

export type EntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'fifo' | 'char' | 'block';

export interface Entry {
  /** Relative to the host's root, without a leading or trailing slash; `''` is the root itself. See `kernel/text.ts`. */
  readonly path: string;
  readonly type: EntryType;
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970, in decimal: more than a JSON number holds. */
  readonly mtimeNs: string;
  /** Length of the content; 0 for all but files. */
  readonly size: number;
  /** Of a file's content, holes read as zeros; hexadecimal. */
  readonly sha256?: string;
  /** Target of a symlink; for a hard link the `path` of the entry it is another name of. */
  readonly link?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Extended attributes, ACLs and capabilities among them; values in base64. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Attribute flags as `lsattr` writes them, in its order: those of {@link flagLetters} that `chattr` can set. */
  readonly flags?: string;
}

/** Flags that are kept: what a filesystem sets by itself (extents, index, inline data) is not among them. */
export const flagLetters = 'suSDiadAcjtTCP';

/**
 * How two descriptions of the same entry differ, one line for each attribute; empty when they agree.
 *
 * @param what `'attributes'`: the content of a file is not looked at, but for its length
 */
export function entryDifferences(expected: Entry, actual: Entry, what: 'all' | 'attributes' = 'all'): Finding[] {
  const findings: Finding[] = [];
  /** Words are only made for what differs: of most entries nothing does. */
  const differ = <T>(of: string, wanted: T, found: T, text: (value: T) => string = String) => {
    if (wanted !== found) {
      findings.push({ subject: expected.path, problem: `${of} is ${text(found)}, expected ${text(wanted)}` });
    }
  };
  differ('type', expected.type, actual.type);
  if (expected.type !== actual.type) return findings;
  differ('link target', expected.link, actual.link);
  // The other attributes of a hard link are those of the file it names, and are compared there.
  if (expected.type === 'hardlink') return findings;
  differ('size', expected.size, actual.size);
  if (what === 'all') differ('content (SHA-256)', expected.sha256, actual.sha256);
  if (expected.type !== 'symlink') differ('mode', expected.mode, actual.mode, octal);
  if (expected.uid !== actual.uid || expected.gid !== actual.gid) {
    differ('owner', `${expected.uid}:${expected.gid}`, `${actual.uid}:${actual.gid}`);
  }
  differ('modification time', expected.mtimeNs, actual.mtimeNs);
  if (expected.device ?? actual.device) differ('device', deviceText(expected), deviceText(actual));
  if (expected.xattrs ?? actual.xattrs) {
    const names = new Set([...Object.keys(expected.xattrs ?? {}), ...Object.keys(actual.xattrs ?? {})]);
    for (const name of names) {
      differ(`attribute ${name}`, expected.xattrs?.[name] ?? 'absent', actual.xattrs?.[name] ?? 'absent');
    }
  }
  return findings;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function deviceText(entry: Entry): string | undefined {
  return entry.device && `${entry.device.major}:${entry.device.minor}`;
}
