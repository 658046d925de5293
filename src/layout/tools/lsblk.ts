import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import type { Argv } from '../../host/host.ts';
import type { Mapping } from '../stacked.ts';
import type { Backing } from './losetup.ts';

/** All columns, so that versions that lack some are no error. */
export const lsblkAll: Argv = ['lsblk', '-J', '-b', '-O'];

/** For a host where `-O` fails or hangs on a filesystem: columns that util-linux 2.33 has and that touch no mount. */
export const lsblkSome: Argv = [
  'lsblk',
  '-J',
  '-b',
  '-o',
  'NAME,KNAME,PATH,MAJ:MIN,TYPE,SIZE,FSTYPE,LABEL,UUID,PTTYPE,PTUUID,PARTTYPE,PARTLABEL,PARTUUID,PARTFLAGS,RO,RM,ROTA,MODEL,SERIAL,VENDOR,WWN,TRAN,LOG-SEC,PHY-SEC',
];

// Before 2.33 numbers and booleans were strings.
const number = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]);
const flag = z.union([z.boolean(), z.enum(['0', '1']).transform((digit) => digit === '1')]);
const text = z.string().nullish();

const nodeSchema = z.object({
  name: z.string(),
  kname: text,
  path: text,
  'maj:min': z.string(),
  type: z.string(),
  size: number.nullish(),
  start: number.nullish(),
  partn: number.nullish(),
  fstype: text,
  label: text,
  uuid: text,
  fssize: number.nullish(),
  fsused: number.nullish(),
  pttype: text,
  ptuuid: text,
  parttype: text,
  partlabel: text,
  partuuid: text,
  partflags: text,
  ro: flag.nullish(),
  rm: flag.nullish(),
  rota: flag.nullish(),
  model: text,
  serial: text,
  vendor: text,
  wwn: text,
  tran: text,
  subsystems: text,
  'log-sec': number.nullish(),
  'phy-sec': number.nullish(),
  get children() {
    return z.array(nodeSchema).exactOptional();
  },
});

type Node = z.infer<typeof nodeSchema>;

/** A block device as the kernel and udev know it; absent means that nobody says. */
export interface BlockDevice {
  /** `major:minor`, the key by which tools of one capture agree. */
  readonly number: string;
  readonly name: string;
  readonly path: string;
  /** `disk`, `part`, `loop`, `lvm`, `crypt`, `raid1`, … */
  readonly type: string;
  /** Numbers of the devices it stands on: several for RAID and multipath. */
  readonly parents: readonly string[];
  /** Of what the device mapper made. */
  readonly mapping?: Mapping;
  /** A part of what the kernel made of it: it has no content of its own. */
  readonly inner?: true;
  /** What lies on it is the key of something, by the settings of this host. */
  readonly holdsKey?: true;
  /** Number of the device that stands for it, as both are paths to one disk. */
  readonly sameAs?: string;
  /** Of a loop device. */
  readonly backing?: Backing;
  readonly sizeBytes: number;
  readonly startBytes?: number;
  readonly partitionNumber?: number;
  readonly fstype?: string;
  readonly label?: string;
  readonly uuid?: string;
  readonly fsSizeBytes?: number;
  readonly fsUsedBytes?: number;
  readonly table?: string;
  readonly tableUuid?: string;
  readonly partType?: string;
  readonly partName?: string;
  readonly partUuid?: string;
  readonly partFlags?: string;
  readonly readOnly: boolean;
  readonly removable: boolean;
  readonly rotational: boolean;
  readonly model?: string;
  readonly serial?: string;
  readonly vendor?: string;
  readonly wwn?: string;
  readonly transport?: string;
  /** Buses from the device on: `block:scsi:pci`. */
  readonly subsystems?: string;
  readonly logicalSector?: number;
  readonly physicalSector?: number;
}

/** The tree of `lsblk -J -b` as a list in its order; a device with several parents stands in it once. */
export function parseLsblk(stdout: string): BlockDevice[] {
  const { blockdevices } = z.object({ blockdevices: z.array(nodeSchema) }).parse(JSON.parse(stdout));
  const devices = new Map<string, BlockDevice>();
  const visit = (node: Node, parent: string | undefined): void => {
    const number = node['maj:min'].trim();
    const known = devices.get(number);
    const parents = [...new Set([...(known?.parents ?? []), ...(parent === undefined ? [] : [parent])])];
    devices.set(number, { ...(known ?? deviceOf(node, number)), parents });
    for (const child of node.children ?? []) visit(child, number);
  };
  for (const node of blockdevices) visit(node, undefined);
  return [...devices.values()];
}

function deviceOf(node: Node, number: string): BlockDevice {
  const name = node.kname ?? node.name;
  return {
    number,
    name,
    path: node.path ?? `/dev/${name}`,
    type: node.type,
    parents: [],
    sizeBytes: node.size ?? 0,
    readOnly: node.ro ?? false,
    removable: node.rm ?? false,
    rotational: node.rota ?? false,
    ...present({
      // The kernel counts the start in 512-byte units, whatever the sector size.
      startBytes: node.start == null ? undefined : node.start * 512,
      partitionNumber: node.partn ?? undefined,
      fstype: said(node.fstype),
      label: said(node.label),
      uuid: said(node.uuid),
      fsSizeBytes: node.fssize ?? undefined,
      fsUsedBytes: node.fsused ?? undefined,
      table: said(node.pttype),
      tableUuid: said(node.ptuuid),
      partType: said(node.parttype),
      partName: said(node.partlabel),
      partUuid: said(node.partuuid),
      partFlags: said(node.partflags),
      model: said(node.model),
      serial: said(node.serial),
      vendor: said(node.vendor),
      wwn: said(node.wwn),
      transport: said(node.tran),
      subsystems: said(node.subsystems),
      logicalSector: node['log-sec'] ?? undefined,
      physicalSector: node['phy-sec'] ?? undefined,
    }),
  };
}

function said(value: string | null | undefined): string | undefined {
  const trimmed = value?.trim();
  return trimmed === '' ? undefined : trimmed;
}
