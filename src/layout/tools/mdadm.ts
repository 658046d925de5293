/** What `mdadm` says of arrays and of their members. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';

/** What stands in the superblock of one member: known of arrays that do not run, too. */
export const examineArgv = (device: string): Argv => ['mdadm', '--examine', device];
/** What the kernel knows of an array that it has put together. */
export const detailArgv = (device: string): Argv => ['mdadm', '--detail', device];
/** Of the bitmap on a member, or in a file. */
export const bitmapArgv = (place: string): Argv => ['mdadm', '--examine-bitmap', place];

/** Of a disk in a container, and of what runs there: what has no UUID in the long output of all kinds. */
export const examineExportArgv = (device: string): Argv => ['mdadm', '--examine', '--export', device];
export const detailExportArgv = (device: string): Argv => ['mdadm', '--detail', '--export', device];

/** Places have numbers of 16 bits. */
const mostDevices = 0xffff;
const sector = 512;
const kibi = 1024;

export type MemberRole = 'active' | 'replacement' | 'spare' | 'journal';

/** A member's view of its array, as it was when the member was last written to. */
export interface Superblock {
  /** Its checksum is wrong: the kernel takes the device for no member. */
  readonly damaged: boolean;
  /** `0.90`, `1.0`, `1.1`, `1.2`. */
  readonly metadata: string;
  /** `raid0`, …, `linear`. */
  readonly level: string;
  readonly raidDevices: number;
  readonly name?: string;
  /** Of 0.90, which knows no names: the number in the name of the array's device. */
  readonly minor?: number;
  readonly chunkBytes?: number;
  readonly layout?: string;
  readonly arrayBytes?: number;
  /** How much of this member could be used. */
  readonly availableBytes?: number;
  /** How much of each is used, where that is told. */
  readonly usedBytes?: number;
  readonly dataOffsetBytes?: number;
  readonly hasBitmap: boolean;
  /** Of parity levels, what keeps an interrupted write from being a hole. */
  readonly log?: 'journal' | 'ppl';
  /** `write-mostly`, `failfast`. */
  readonly flags: readonly string[];
  readonly role: MemberRole;
  /** Its place among the `raidDevices`; a spare has none. */
  readonly slot?: number;
  /** Higher in what was written to later. */
  readonly events: number;
  /** Which places were filled. */
  readonly filled: readonly boolean[];
}

export function parseExamine(stdout: string): Superblock {
  const fields = fieldsOf(stdout);
  const metadata = /^\d+\.\d+/.exec(wanted(fields, 'Version'))?.[0];
  if (metadata === undefined) throw new Error('no version of metadata in it');
  const raidDevices = numberOf(wanted(fields, 'Raid Devices'));
  if (raidDevices > mostDevices) throw new Error('more devices than an array can have');
  const chunkBytes = kibiBytes(fields.get('Chunk Size'));
  const layout = fields.get('Layout');
  return {
    damaged: fields.get('Checksum')?.includes(' expected ') === true,
    metadata,
    level: wanted(fields, 'Raid Level'),
    raidDevices,
    hasBitmap: fields.has('Internal Bitmap'),
    flags: fields.get('Flags')?.split(/[ ,]+/).sort() ?? [],
    events: numberOf(wanted(fields, 'Events')),
    ...(metadata === '0.90' ? oldPlace(stdout, raidDevices) : place(fields)),
    ...present({
      name: fields.get('Name')?.replace(/\s+\(local to host .*\)$/, ''),
      minor: optional(fields.get('Preferred Minor'), 1),
      chunkBytes: chunkBytes === 0 ? undefined : chunkBytes,
      // What this version of mdadm has no name for, or what the level does not have.
      layout: layout === undefined || layout.startsWith('-') ? undefined : layout,
      arrayBytes: optional(fields.get('Array Size'), kibi),
      availableBytes: optional(fields.get('Avail Dev Size'), sector),
      usedBytes: optional(fields.get('Used Dev Size'), metadata === '0.90' ? kibi : sector) || undefined,
      dataOffsetBytes: optional(fields.get('Data Offset'), sector),
      log: logOf(fields),
    }),
  };
}

/** `key : value`, of which the first of each key counts: a name may hold anything but comes after what is asked for by its key. */
function fieldsOf(stdout: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, key = '', value = ''] of stdout.matchAll(/^ *([A-Z][\w .'-]*?) : (.*?) *$/gm)) {
    if (!fields.has(key)) fields.set(key, value);
  }
  return fields;
}

function wanted(fields: ReadonlyMap<string, string>, key: string): string {
  const value = fields.get(key);
  if (value === undefined) throw new Error(`no "${key}" in it`);
  return value;
}

/** The number that a text begins with; others after it say the same in larger units. */
function numberOf(value: string): number {
  const digits = /^\d+/.exec(value)?.[0];
  if (digits === undefined) throw new Error(`not a number: ${JSON.stringify(value)}`);
  return Number(digits);
}

function optional(value: string | undefined, unit: number): number | undefined {
  return value === undefined ? undefined : numberOf(value) * unit;
}

const units: Readonly<Record<string, number>> = { B: 1, K: kibi, M: kibi ** 2, G: kibi ** 3 };

/** `512K`, and of bitmaps `64 MB`. */
function kibiBytes(value: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d+) ?([BKMG])B?$/.exec(value ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits) * (units[unit] ?? Number.NaN);
}

/** Bits of the feature map of metadata 1: a journal, and a partial parity log in one and in several pieces. */
const journalBit = 0x200;
const pplBits = 0x40 | 0x800;

function logOf(fields: ReadonlyMap<string, string>): Superblock['log'] {
  const features = Number(fields.get('Feature Map') ?? 0);
  if (!Number.isInteger(features)) throw new Error('the feature map is no number');
  if ((features & journalBit) !== 0) return 'journal';
  return (features & pplBits) === 0 ? undefined : 'ppl';
}

type Place = Pick<Superblock, 'role' | 'slot' | 'filled'>;

function place(fields: ReadonlyMap<string, string>): Place {
  const filled = (/^[A.R]*/.exec(wanted(fields, 'Array State'))?.[0] ?? '').split('').map((letter) => letter !== '.');
  const said = wanted(fields, 'Device Role');
  const [, kind, digits] = /^(Active|Replacement) device (\d+)$/.exec(said) ?? [];
  if (kind !== undefined) {
    return { role: kind === 'Active' ? 'active' : 'replacement', slot: Number(digits), filled };
  }
  return { role: said === 'Journal' ? 'journal' : 'spare', filled };
}

/** Of 0.90: a table of all members, in which one line is that of `this`. */
function oldPlace(stdout: string, raidDevices: number): Place {
  const rows = [...stdout.matchAll(/^(this)? +(?:\d+ +)?\d+ +\d+ +\d+ +(\d+) +([a-z][a-z -]*?)(?: +\/.*)?$/gm)];
  const own = rows.find(([, isThis]) => isThis !== undefined);
  if (own === undefined) throw new Error('no line in it tells which member it is');
  const [, , digits, state = ''] = own;
  const filled = Array.from({ length: raidDevices }, () => false);
  for (const [, isThis, number, words = ''] of rows) {
    const slot = Number(number);
    if (isThis === undefined && slot < raidDevices) filled[slot] = words.includes('active');
  }
  return state.includes('spare') ? { role: 'spare', filled } : { role: 'active', slot: Number(digits), filled };
}

/** An array that the kernel has put together, or begun to. */
export interface Detail {
  /** `clean, degraded, recovering`, `inactive`. */
  readonly state: string;
  /** Path of the file with the bitmap, if it is none on the members. */
  readonly bitmapFile?: string;
}

export function parseDetail(stdout: string): Detail {
  const fields = fieldsOf(stdout);
  const bitmap = fields.get('Intent Bitmap');
  return {
    state: wanted(fields, 'State'),
    ...present({ bitmapFile: bitmap?.startsWith('/') === true ? bitmap : undefined }),
  };
}

export interface Bitmap {
  /** Of how many bytes of a member one bit tells. */
  readonly chunkBytes: number;
  /** Seconds between two looks at what can be cleared; absent for the usual 5. */
  readonly delaySeconds?: number;
  /** How many writes may be on their way to a member that is write-mostly; absent for none. */
  readonly writeBehind?: number;
}

export function parseBitmap(stdout: string): Bitmap {
  const fields = fieldsOf(stdout);
  const chunkBytes = kibiBytes(wanted(fields, 'Chunksize'));
  if (chunkBytes === undefined) throw new Error('not a size of chunks');
  const delay = /^(\d+)s /.exec(fields.get('Daemon') ?? '')?.[1];
  const behind = /max (\d+)$/.exec(fields.get('Write Mode') ?? '')?.[1];
  return {
    chunkBytes,
    ...present({
      delaySeconds: delay === undefined || delay === '5' ? undefined : Number(delay),
      writeBehind: behind === undefined ? undefined : Number(behind),
    }),
  };
}

/** Lines `MD_…=…` of a container, of a disk in one, or of an array in one. */
export interface Exported {
  /** As blkid writes those of other arrays. */
  readonly uuid: string;
  readonly metadata?: string;
  readonly name?: string;
  /** Path of the container that it is in. */
  readonly container?: string;
  /** Which one in its container it is. */
  readonly member?: number;
  /** Paths of its disks; none of what a disk says. */
  readonly disks: readonly string[];
  /** Places of disks by their paths; a disk of a container has none. */
  readonly roles: ReadonlyMap<string, number>;
}

export function parseExport(stdout: string): Exported {
  const fields = new Map([...stdout.matchAll(/^(\w+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]));
  const uuid = wanted(fields, 'MD_UUID').replaceAll(':', '');
  const roles = [...fields].flatMap(([key, path]): [string, number][] => {
    const role = fields.get(key.replace(/_DEV$/, '_ROLE')) ?? '';
    return key.startsWith('MD_DEVICE_') && key.endsWith('_DEV') && /^\d+$/.test(role) ? [[path, Number(role)]] : [];
  });
  return {
    uuid: uuid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    disks: [...fields].flatMap(([key, path]) => (/^MD_DEVICE_.*_DEV$/.test(key) ? [path] : [])),
    roles: new Map(roles),
    ...present({
      metadata: fields.get('MD_METADATA'),
      name: fields.get('MD_DEVNAME') || undefined,
      container: fields.get('MD_CONTAINER'),
      member: optional(fields.get('MD_MEMBER'), 1),
    }),
  };
}

/** What the kernel knows of an array in a container. */
export interface Subarray {
  readonly state: string;
  readonly level: string;
  readonly raidDevices: number;
  /** How much of each disk. */
  readonly componentBytes?: number;
  readonly chunkBytes?: number;
  readonly layout?: string;
}

export function parseSubarray(stdout: string): Subarray {
  const fields = fieldsOf(stdout);
  return {
    state: wanted(fields, 'State'),
    level: wanted(fields, 'Raid Level'),
    raidDevices: numberOf(wanted(fields, 'Raid Devices')),
    ...present({
      componentBytes: optional(fields.get('Used Dev Size'), kibi),
      chunkBytes: kibiBytes(fields.get('Chunk Size')),
      layout: fields.get('Layout'),
    }),
  };
}
