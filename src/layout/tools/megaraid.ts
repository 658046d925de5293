/** What `storcli` says of the MegaRAID controllers of Broadcom, and `perccli` of Dell's PERC, which are the same. */
import { z } from 'zod';
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';
import { type LogicalDrive, type PhysicalDrive, type RaidController, sizeIn } from '../hwraid.ts';

// Without "nolog" each leaves a log file in the directory in which it runs.
export const controllersArgv = (tool: string): Argv => [tool, '/call', 'show', 'J', 'nolog'];
export const virtualDrivesArgv = (tool: string): Argv => [tool, '/call/vall', 'show', 'all', 'J', 'nolog'];
export const physicalDrivesArgv = (tool: string): Argv => [tool, '/call/eall/sall', 'show', 'all', 'J', 'nolog'];
/** It exits with one of many where there is nothing to show; what it prints tells why. */
export const megaRaidOkCodes = Array.from({ length: 256 }, (_, code) => code);

/** Numbers and texts stand for one another, and texts are filled up with blanks. */
const word = z.union([z.string(), z.number()]).transform((value) => String(value).trim());
const optionalWord = word.optional();

const answerSchema = z.object({
  Controllers: z.array(
    z.object({
      'Command Status': z.object({ Controller: optionalWord, Status: z.string(), Description: z.string().optional() }),
      'Response Data': z.unknown().optional(),
    }),
  ),
});

const dataSchema = z.record(z.string(), z.unknown());

type Answer = Readonly<z.infer<typeof dataSchema>>;

/** By the number of each controller; of those that have nothing of the kind, nothing. */
export function parseAnswers(stdout: string): Map<string, Answer> {
  const { Controllers: answers } = answerSchema.parse(JSON.parse(stdout));
  const found = new Map<string, Answer>();
  for (const { 'Command Status': status, 'Response Data': data = {} } of answers) {
    if (status.Status === 'Success') found.set(status.Controller ?? '', dataSchema.parse(data));
    else if (!/^no |not found/i.test(status.Description ?? '')) throw new Error(status.Description ?? 'it failed');
  }
  return found;
}

const driveRow = z.object({
  'EID:Slt': word,
  State: word,
  DG: word,
  Size: optionalWord,
  Intf: optionalWord,
  Med: optionalWord,
  SeSz: optionalWord,
  Model: optionalWord,
});
const driveRows = z.array(driveRow);
const topologyRows = z.array(z.object({ DG: word, Arr: word, Row: word, 'EID:Slot': word, Type: word }));
const volumeRows = z.array(
  z.object({
    'DG/VD': word,
    TYPE: word,
    State: optionalWord,
    Access: optionalWord,
    Cache: optionalWord,
    Size: optionalWord,
    Name: optionalWord,
  }),
);
const volumeProperties = z.object({
  'Strip Size': optionalWord,
  'Number of Blocks': optionalWord,
  'Write Cache(initial setting)': optionalWord,
  'Disk Cache Policy': optionalWord,
  Encryption: optionalWord,
  'OS Drive Name': optionalWord,
  'SCSI NAA Id': optionalWord,
});
const attributesSchema = z.object({
  SN: optionalWord,
  'Model Number': optionalWord,
  'Raw size': optionalWord,
  'Logical Sector Size': optionalWord,
});
const controllerSchema = z.object({
  'Product Name': word,
  'Serial Number': optionalWord,
  'FW Package Build': optionalWord,
  'PCI Address': optionalWord,
  TOPOLOGY: topologyRows.optional(),
  'PD LIST': driveRows.optional(),
});

export interface MegaRaidAnswers {
  readonly controllers: ReadonlyMap<string, Answer>;
  readonly volumes: ReadonlyMap<string, Answer>;
  readonly drives: ReadonlyMap<string, Answer>;
}

/** Pure: three answers put together. */
export function megaRaidControllers({ controllers, volumes, drives }: MegaRaidAnswers): RaidController[] {
  return [...controllers].map(([number, answer]) => {
    const said = controllerSchema.parse(answer);
    const attributes = attributesOf(drives.get(number) ?? {});
    return {
      model: said['Product Name'],
      slot: number,
      settings: {},
      drives: (said['PD LIST'] ?? []).map((row) => physicalOf(row, attributes.get(row['EID:Slt']))),
      logical: logicalOf(number, volumes.get(number) ?? {}, said.TOPOLOGY ?? []),
      ...present({
        serial: known(said['Serial Number']),
        firmware: known(said['FW Package Build']),
        pciAddress: pciAddressOf(said['PCI Address']),
      }),
    };
  });
}

type Attributes = z.infer<typeof attributesSchema>;

/** What is told of each drive by itself: its serial number, and its size without rounding. */
function attributesOf(answer: Answer): Map<string, Attributes> {
  const found = new Map<string, Attributes>();
  for (const [key, value] of Object.entries(answer)) {
    const [, drive, enclosure = '', slot] =
      /^(Drive \/c\d+(?:\/e(\d+))?\/s(\d+)) - Detailed Information$/.exec(key) ?? [];
    if (drive === undefined || slot === undefined) continue;
    const parts = z.record(z.string(), z.unknown()).parse(value);
    found.set(`${enclosure}:${slot}`, attributesSchema.parse(parts[`${drive} Device attributes`] ?? {}));
  }
  return found;
}

const interfaces = new Set(['SAS', 'SATA', 'NVMe']);

function physicalOf(row: z.infer<typeof driveRow>, attributes: Attributes | undefined): PhysicalDrive {
  const sectorBytes = sizeIn(row.SeSz, 1024);
  const media = row.Med === 'HDD' ? 'hdd' : row.Med === 'SSD' ? 'ssd' : undefined;
  const kind = row.Intf ?? '';
  return {
    place: row['EID:Slt'],
    role: roleOf(row.State, row.DG),
    ...present({
      arrays: groupsOf(row.DG),
      sizeBytes: exactSize(attributes) ?? sizeIn(row.Size, 1024),
      sectorBytes,
      media,
      interface: interfaces.has(kind) ? kind.toLowerCase() : undefined,
      model: known(attributes?.['Model Number']) ?? known(row.Model),
      serial: known(attributes?.SN),
    }),
  };
}

/** `0`; of a spare of several `0,1`; of a drive without one `-` or `F`. */
function groupsOf(said: string): string[] | undefined {
  return /^\d+(,\d+)*$/.test(said) ? said.split(',') : undefined;
}

/** `111.790 GB [0xdf94bb0 Sectors]` */
function exactSize(attributes: Attributes | undefined): number | undefined {
  const sectors = /\[(0x[\da-f]+) Sectors\]/i.exec(attributes?.['Raw size'] ?? '')?.[1];
  const sectorBytes = sizeIn(attributes?.['Logical Sector Size'], 1024);
  if (sectors === undefined || sectorBytes === undefined) return undefined;
  const size = Number(sectors) * sectorBytes;
  return Number.isSafeInteger(size) ? size : undefined;
}

/** A state such as rebuilding or failed is one of a member, while the drive has a group. */
function roleOf(state: string, group: string): PhysicalDrive['role'] {
  if (state === 'DHS') return 'spare';
  if (state === 'GHS') return 'global-spare';
  if (state === 'JBOD') return 'passed-through';
  if (group === 'F') return 'foreign';
  return groupsOf(group) === undefined ? 'unassigned' : 'member';
}

type Topology = z.infer<typeof topologyRows>;

function logicalOf(controller: string, answer: Answer, topology: Topology): LogicalDrive[] {
  return Object.entries(answer).flatMap(([key, value]) => {
    const number = /^\/c\d+\/v(\d+)$/.exec(key)?.[1];
    if (number === undefined) return [];
    const [row] = volumeRows.parse(value);
    if (row === undefined) throw new Error(`nothing of /c${controller}/v${number}`);
    const members = driveRows.parse(answer[`PDs for VD ${number}`] ?? []);
    const properties = volumeProperties.parse(answer[`VD${number} Properties`] ?? {});
    const array = row['DG/VD'].split('/')[0] ?? '';
    const spans = spansOf(topology, array);
    const cache = /^(NR|R)(AWB|FWB|WB|WT)([CD]?)$/.exec(row.Cache ?? '');
    const blocks = Number(properties['Number of Blocks'] ?? Number.NaN) * (sizeIn(members[0]?.SeSz, 1024) ?? 512);
    return {
      number,
      geometry: {
        level: row.TYPE.toLowerCase(),
        array,
        drives: members.map((one) => one['EID:Slt']),
        ...present({
          stripBytes: sizeIn(properties['Strip Size'], 1024),
          spans: spans.length === 0 ? undefined : spans,
          writeCache: writeCacheOf(properties['Write Cache(initial setting)'], cache?.[2]),
          readAhead: cache === null ? undefined : cache[1] === 'R',
          input: cache?.[3] === 'C' ? 'cached' : cache?.[3] === 'D' ? 'direct' : undefined,
          driveCache: driveCacheOf(properties['Disk Cache Policy']),
          access: row.Access === 'RW' ? undefined : row.Access,
          encryption: known(properties.Encryption),
        }),
      },
      ...present({
        uniqueId: known(properties['SCSI NAA Id'])
          ?.toLowerCase()
          .replace(/^naa\./, ''),
        device: known(properties['OS Drive Name']),
        name: known(row.Name),
        sizeBytes: Number.isSafeInteger(blocks) ? blocks : sizeIn(row.Size, 1024),
        state: known(row.State),
      }),
    };
  });
}

/** Drives of a group by its rows: what is mirrored or has parity together. */
function spansOf(topology: Topology, array: string): string[][] {
  const spans = new Map<string, string[]>();
  for (const { DG: group, Arr: span, Row: row, 'EID:Slot': place } of topology) {
    if (group !== array || !/^\d+$/.test(span) || !/^\d+$/.test(row)) continue;
    spans.set(span, [...(spans.get(span) ?? []), place === '-' ? 'missing' : place]);
  }
  return [...spans.values()];
}

const writeCaches: Readonly<Record<string, string>> = {
  WB: 'write-back',
  WT: 'write-through',
  AWB: 'always-write-back',
  FWB: 'always-write-back',
  WriteBack: 'write-back',
  WriteThrough: 'write-through',
};

/** What it was told; what is in force differs while its battery is empty. */
function writeCacheOf(initial: string | undefined, now: string | undefined): string | undefined {
  const name = known(initial) ?? now;
  return name === undefined ? undefined : (writeCaches[name] ?? name);
}

function driveCacheOf(policy: string | undefined): string | undefined {
  return policy === undefined || policy === "Disk's Default" ? undefined : policy.toLowerCase();
}

/** `00:06:00:00`: domain, bus, device, function, as the kernel writes them. */
function pciAddressOf(said: string | undefined): string | undefined {
  const [, domain, bus, device, part] = /^([\da-f]+):([\da-f]+):([\da-f]+):([\da-f]+)$/i.exec(said ?? '') ?? [];
  if (domain === undefined || bus === undefined || device === undefined || part === undefined) return undefined;
  const padded = (digits: string, width: number): string => digits.toLowerCase().padStart(width, '0');
  return `${padded(domain, 4)}:${padded(bus, 2)}:${padded(device, 2)}.${Number.parseInt(part, 16)}`;
}

function known(value: string | undefined): string | undefined {
  return value === undefined || ['', '-', 'None', 'N/A', 'NA'].includes(value) ? undefined : value;
}
