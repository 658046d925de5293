/** What btrfs(8) tells. It has no JSON for these in the versions that are in use. */
import type { Argv } from '../../host/host.ts';

const btrfs = (...args: string[]): Argv => ['btrfs', ...args];

/** Reads the superblock of one device. */
export const superArgv = (device: string): Argv => btrfs('inspect-internal', 'dump-super', device);
/** Names all devices of the filesystem on one of them. */
export const showArgv = (device: string): Argv => btrfs('filesystem', 'show', '--raw', device);
/** The profiles of what is not mounted stand in its chunk tree only. */
export const chunkTreeArgv = (device: string): Argv => btrfs('inspect-internal', 'dump-tree', '-t', 'chunk', device);
// These need a path at which it is mounted.
export const profilesArgv = (path: string): Argv => btrfs('filesystem', 'df', '--raw', path);
export const subvolumesArgv = (path: string): Argv => btrfs('subvolume', 'list', '-apuqR', path);
export const readOnlyArgv = (path: string): Argv => btrfs('subvolume', 'list', '-ar', path);
export const defaultArgv = (path: string): Argv => btrfs('subvolume', 'get-default', path);
export const quotaArgv = (path: string): Argv => btrfs('qgroup', 'show', '--raw', '-rep', path);
export const compressionArgv = (path: string): Argv => btrfs('property', 'get', '-t', 'inode', path, 'compression');
/** It answers 1 where quotas are off. */
export const quotaOkCodes = [0, 1] as const;

export interface BtrfsSuper {
  readonly nodeSize: number;
  readonly sectorSize: number;
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly deviceCount: number;
  readonly checksum: string;
  /** As the kernel names them, in lower case and sorted. */
  readonly features: readonly string[];
}

export function parseSuper(stdout: string): BtrfsSuper {
  const number = (name: string): number => {
    const digits = new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(stdout)?.[1];
    if (digits === undefined) throw new Error(`no ${name} in it`);
    return Number(digits);
  };
  const flags = [...stdout.matchAll(/^(?:compat_ro|incompat)_flags\s+\S+\n((?:\s+[(|A-Z].*\n)+)/gm)];
  const names = flags.flatMap(([, block = '']) => block.match(/[A-Z][A-Z0-9_]+/g) ?? []);
  return {
    nodeSize: number('nodesize'),
    sectorSize: number('sectorsize'),
    totalBytes: number('total_bytes'),
    usedBytes: number('bytes_used'),
    deviceCount: number('num_devices'),
    checksum: /^csum_type\s+\d+ \(([^)]+)\)/m.exec(stdout)?.[1] ?? 'crc32c',
    // Whether the free-space tree is up to date changes from mount to mount.
    features: [
      ...new Set(names.filter((name) => name !== 'FREE_SPACE_TREE_VALID').map((name) => name.toLowerCase())),
    ].sort(),
  };
}

export interface BtrfsDevice {
  /** Its number in the filesystem. */
  readonly devid: number;
  readonly sizeBytes: number;
  /** Absent for one that is missing; its size is then what the tool makes of that. */
  readonly path?: string;
}

/** Those that are missing some versions leave out, and others list. */
export function parseShow(stdout: string): BtrfsDevice[] {
  const devices = [...stdout.matchAll(/^\s+devid\s+(\d+) size (\d+) used \d+ path (.*)$/gm)];
  if (!/uuid:/.test(stdout)) throw new Error('no filesystem in it');
  return devices.map(([, devid, size, path = '']) => ({
    devid: Number(devid),
    sizeBytes: Number(size),
    ...(/(^|\s)MISSING$|^<missing disk>/.test(path) ? {} : { path }),
  }));
}

/** All devices that belong to it, with the sizes that it has on them, from its chunk tree. */
export function parseChunkDevices(stdout: string): BtrfsDevice[] {
  const devices = [...stdout.matchAll(/^\s+devid (\d+) total_bytes (\d+) /gm)];
  if (devices.length === 0) throw new Error('no device in it');
  return devices.map(([, devid, size]) => ({ devid: Number(devid), sizeBytes: Number(size) }));
}

/** By kind of chunk (`data`, `metadata`, `system`); of a filesystem on its way from one profile to another, both. */
export type BtrfsProfiles = Readonly<Record<string, readonly string[]>>;

export function parseProfiles(stdout: string): BtrfsProfiles {
  const lines = [...stdout.matchAll(/^([A-Za-z+]+), (\S+): total=\d+/gm)].filter(
    ([, kind]) => kind !== 'GlobalReserve',
  );
  return profilesOf(lines.map(([, kind = '', profile = '']) => [kind, profile]));
}

export function parseChunkTree(stdout: string): BtrfsProfiles {
  const chunks = [...stdout.matchAll(/^\s+length \d+ owner \d+ stripe_len \d+ type (\S+)$/gm)].map(([, type = '']) => {
    const words = type.split('|');
    const kinds = words.filter((word) => ['DATA', 'METADATA', 'SYSTEM'].includes(word));
    return [kinds.join('+'), words.find((word) => !kinds.includes(word)) ?? 'single'] as const;
  });
  return profilesOf(chunks);
}

function profilesOf(pairs: readonly (readonly [string, string])[]): BtrfsProfiles {
  if (pairs.length === 0) throw new Error('no profile in it');
  const profiles: Record<string, string[]> = {};
  for (const [kind, profile] of pairs) {
    const known = (profiles[kind.toLowerCase()] ??= []);
    if (!known.includes(profile.toLowerCase())) known.push(profile.toLowerCase());
  }
  for (const list of Object.values(profiles)) list.sort();
  return profiles;
}

export interface SubvolumeEntry {
  readonly number: number;
  /** From the top of the filesystem, without a slash before it. */
  readonly path: string;
  readonly uuid?: string;
  /** Of what it is a snapshot. */
  readonly parentUuid?: string;
  /** Of what was sent here. */
  readonly receivedUuid?: string;
}

const uuidOf = (word: string): string | undefined => (word === '-' ? undefined : word);

/** A name may hold newlines, so an entry ends where the next begins. */
export function parseSubvolumes(stdout: string): SubvolumeEntry[] {
  return entries(stdout).map((entry) => {
    const [, number, parent = '-', received = '-', uuid = '-', path = ''] =
      /^ID (\d+) .*?parent_uuid (\S+)\s+received_uuid (\S+)\s+uuid (\S+) path (.*)$/s.exec(entry) ?? [];
    if (number === undefined) throw new Error(`not a subvolume: ${JSON.stringify(entry)}`);
    const own = uuidOf(uuid);
    const parentUuid = uuidOf(parent);
    const receivedUuid = uuidOf(received);
    return {
      number: Number(number),
      path: path.replace(/^<FS_TREE>\//, ''),
      ...(own === undefined ? {} : { uuid: own }),
      ...(parentUuid === undefined ? {} : { parentUuid }),
      ...(receivedUuid === undefined ? {} : { receivedUuid }),
    };
  });
}

/** Numbers of the subvolumes in a list. */
export function parseNumbers(stdout: string): Set<number> {
  return new Set(entries(stdout).map((entry) => Number(/^ID (\d+)/.exec(entry)?.[1])));
}

function entries(stdout: string): string[] {
  const text = stdout.replace(/\n$/, '');
  if (text === '') return [];
  if (!text.startsWith('ID ')) throw new Error('not a list of subvolumes');
  return text.split(/\n(?=ID \d+ )/);
}

/** Number of the subvolume that a mount without options shows; 5 is the top. */
export function parseDefault(stdout: string): number {
  const number = /^ID (\d+)/.exec(stdout)?.[1];
  if (number === undefined) throw new Error('not a subvolume');
  return Number(number);
}

/** `compression=zstd`; nothing where there is none. */
export function parseCompression(stdout: string): string | undefined {
  const [, name] = /^(?:compression=(\S*))?\n?$/.exec(stdout) ?? ['', undefined];
  if (stdout.trim() !== '' && name === undefined) throw new Error('not a property');
  return name === '' ? undefined : name;
}

export interface Qgroup {
  /** `level/number`; of a subvolume `0/number`. */
  readonly id: string;
  readonly referencedBytes: number;
  readonly maxReferenced?: number;
  readonly maxExclusive?: number;
  /** Ids of the groups that it is counted in too. */
  readonly parents: readonly string[];
}

/** `undefined` when quotas are off. */
export function parseQuota(stdout: string, stderr: string): Qgroup[] | undefined {
  const lines = stdout.split('\n').filter((line) => /^\d+\/\d+\s/.test(line));
  if (lines.length === 0) {
    if (/quota|not enabled/i.test(stderr) || stdout.trim() === '') return undefined;
    throw new Error('not a list of quota groups');
  }
  return lines.map((line) => {
    const [id = '', referenced, , maxReferenced, maxExclusive, parents = ''] = line.trim().split(/\s+/);
    return {
      id,
      referencedBytes: Number(referenced),
      parents: parents.split(',').filter((parent) => /^\d+\/\d+$/.test(parent)),
      ...limitOf('maxReferenced', maxReferenced),
      ...limitOf('maxExclusive', maxExclusive),
    };
  });
}

function limitOf<K extends string>(key: K, word: string | undefined): { [P in K]?: number } {
  const limit: { [P in K]?: number } = {};
  if (word !== undefined && /^\d+$/.test(word)) limit[key] = Number(word);
  return limit;
}
