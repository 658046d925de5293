/** What RAID controllers have, whoever made them: drives, and the logical drives that they give to the kernel as disks. */
import { z } from 'zod';
import { bytes, text } from './handler.ts';

/** A drive that is plugged into a controller. */
export const physicalSchema = z.object({
  /** Where it is plugged in, as its tool writes it: `1I:1:4`, `252:0`. */
  place: z.string(),
  /** `foreign`: it holds drives of another controller. `passed-through`: the kernel has it as a disk of its own. */
  role: z.enum(['member', 'spare', 'global-spare', 'unassigned', 'passed-through', 'foreign']),
  /** The arrays that it is a member or a spare of. */
  arrays: z.array(z.string()).exactOptional(),
  sizeBytes: bytes.exactOptional(),
  sectorBytes: bytes.exactOptional(),
  media: z.enum(['hdd', 'ssd']).exactOptional(),
  /** `sas`, `sata`, `nvme`. */
  interface: text,
  model: text,
  serial: text,
});

/** All that a tool has to be told to make one like it. */
export const logicalGeometrySchema = z.object({
  /** `raid0`, `raid1`, `raid10`, `raid5`, `raid50`, … */
  level: z.string(),
  /** The array, or drive group, of which it takes a part. */
  array: z.string(),
  /** Places of its drives. */
  drives: z.array(z.string()),
  stripBytes: bytes.exactOptional(),
  /** MegaRAID: drives in the order in which they were given, `missing` for a place that nobody fills. */
  spans: z.array(z.array(z.string())).exactOptional(),
  /** SmartArray: the drives of each side of the mirror. */
  mirrorGroups: z.array(z.array(z.string())).exactOptional(),
  /** `write-back`, `write-through`, `always-write-back`. */
  writeCache: text,
  readAhead: z.boolean().exactOptional(),
  /** `direct` or `cached`. */
  input: text,
  /** SmartArray: whether the controller's cache is used, and what makes it fast. */
  caching: z.boolean().exactOptional(),
  acceleration: text,
  /** Of the drives themselves; absent for what they come with. */
  driveCache: text,
  sectorsPerTrack: z.number().exactOptional(),
  /** Unless it may be read and written. */
  access: text,
  encryption: text,
});

export type PhysicalDrive = z.infer<typeof physicalSchema>;
export type LogicalGeometry = z.infer<typeof logicalGeometrySchema>;

/** As a tool tells of it. */
export interface LogicalDrive {
  readonly number: string;
  /** What the kernel's disk has as its WWN, in small letters. */
  readonly uniqueId?: string;
  /** The kernel's disk, as the tool calls it. */
  readonly device?: string;
  readonly name?: string;
  /** Rounded, where the tool tells no more. */
  readonly sizeBytes?: number;
  readonly state?: string;
  readonly geometry: LogicalGeometry;
}

export interface RaidController {
  readonly model: string;
  readonly serial?: string;
  readonly firmware?: string;
  readonly slot?: string;
  readonly pciAddress?: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly drives: readonly PhysicalDrive[];
  readonly logical: readonly LogicalDrive[];
}

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** `558.9 GB`: some tools mean 1,000 by a K, some 1,024. */
export function sizeIn(value: string | undefined, base: 1000 | 1024): number | undefined {
  const [, digits, unit = ''] = /^([\d.]+) ?([KMGTP]?B)\b/.exec(value ?? '') ?? [];
  const size = Math.round(Number(digits) * base ** units.indexOf(unit));
  return digits !== undefined && Number.isSafeInteger(size) ? size : undefined;
}
