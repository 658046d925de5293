/** What `ssacli` says of the controllers of HPE, as its forerunners `hpssacli` and `hpacucli` do. */
import type { Argv } from '../../host/host.ts';
import { present } from '../../kernel/present.ts';
import { type LogicalDrive, type PhysicalDrive, type RaidController, sizeIn } from '../hwraid.ts';

export const smartArrayArgv = (tool: string): Argv => [tool, 'ctrl', 'all', 'show', 'config', 'detail'];
/** It exits with 1 where there is no controller. */
export const smartArrayOkCodes = [0, 1];

/** Settings that the tool can be told. */
const settings = [
  'Rebuild Priority',
  'Expand Priority',
  'Surface Scan Delay',
  'Surface Scan Mode',
  'Queue Depth',
  'Monitor and Performance Delay',
  'Elevator Sort',
  'Degraded Performance Optimization',
  'Inconsistency Repair Policy',
  'Wait for Cache Room',
  'Surface Analysis Inconsistency Notification',
  'Post Prompt Timeout',
  'Cache Ratio',
  'Drive Write Cache',
  'No-Battery Write Cache',
  'Spare Activation Mode',
  'Controller Mode',
  'HBA Mode Enabled',
  'Primary Boot Volume',
  'Secondary Boot Volume',
];

type Fields = Map<string, string>;

interface Section {
  readonly name: string;
  readonly array: string;
  readonly fields: Fields;
  /** Of a logical drive: drives of each side of the mirror. */
  readonly groups: string[][];
}

interface Found {
  readonly model: string;
  readonly slot: string;
  readonly fields: Fields;
  readonly logical: Section[];
  readonly physical: Section[];
}

export function parseSmartArray(stdout: string): RaidController[] {
  if (/^\s*Error: No (supported )?controllers detected/m.test(stdout)) return [];
  const found = sectionsOf(stdout);
  if (found.length === 0) throw new Error('no controller in it');
  return found.map(controllerOf);
}

/** By indentation: a controller, with 3 its fields and arrays, with 6 drives, with 9 their fields, with 12 members of a mirror. */
function sectionsOf(stdout: string): Found[] {
  const found: Found[] = [];
  let array = '';
  let section: Section | undefined;
  for (const line of stdout.split('\n')) {
    const [, indent = '', content = ''] = /^( *)(.*?)\s*$/.exec(line) ?? [];
    const controller = found.at(-1);
    const [, key = '', value] = /^(.+?):(?: +(.*)|)$/.exec(content) ?? [];
    if (content === '') continue;
    if (indent === '') {
      const [, model, slot] = /^(\S.*?) in Slot (\w+)/.exec(content) ?? [];
      if (model === undefined || slot === undefined) throw new Error(`not a controller: ${JSON.stringify(content)}`);
      found.push({ model, slot, fields: new Map(), logical: [], physical: [] });
      section = undefined;
      array = '';
    } else if (controller === undefined) {
      throw new Error(`of no controller: ${JSON.stringify(content)}`);
    } else if (indent.length <= 3) {
      section = undefined;
      array = key.toLowerCase() === 'array' ? (value ?? '') : '';
      if (value !== undefined && !controller.fields.has(key)) controller.fields.set(key, value);
    } else if (indent.length <= 6) {
      const drive = /^physicaldrive (\S+)$/.exec(content)?.[1];
      const isLogical = key === 'Logical Drive';
      section = isLogical || drive !== undefined ? newSection(drive ?? value ?? '', array) : undefined;
      if (section !== undefined) (isLogical ? controller.logical : controller.physical).push(section);
    } else if (section !== undefined) {
      const member = /^physicaldrive (\S+)/.exec(content)?.[1];
      if (/^Mirror Group \d+:?$/.test(content)) section.groups.push([]);
      else if (member !== undefined) section.groups.at(-1)?.push(member);
      else if (value !== undefined && !section.fields.has(key)) section.fields.set(key, value);
    }
  }
  return found;
}

function newSection(name: string, array: string): Section {
  return { name, array, fields: new Map(), groups: [] };
}

function controllerOf({ model, slot, fields, logical, physical }: Found): RaidController {
  return {
    model,
    slot,
    settings: Object.fromEntries(
      settings.flatMap((name) => {
        const value = said(fields, name);
        return value === undefined ? [] : [[name, value] as const];
      }),
    ),
    drives: drivesOf(physical),
    logical: logical.map((one) => logicalOf(one, physical)),
    ...present({
      serial: said(fields, 'Serial Number'),
      firmware: said(fields, 'Firmware Version'),
      pciAddress: said(fields, 'PCI Address (Domain:Bus:Device.Function)')?.toLowerCase(),
    }),
  };
}

/** A spare is told of with each array that it may step in for. */
function drivesOf(sections: readonly Section[]): PhysicalDrive[] {
  const drives = new Map<string, PhysicalDrive>();
  for (const { name, array, fields } of sections) {
    const known = drives.get(name);
    const arrays = [...(known?.arrays ?? []), ...(array === '' ? [] : [array])];
    const kind = said(fields, 'Interface Type');
    drives.set(name, {
      place: name,
      role: roleOf(said(fields, 'Drive Type') ?? '', array),
      ...present({
        arrays: arrays.length === 0 ? undefined : arrays,
        sizeBytes: sizeIn(said(fields, 'Size'), 1000),
        sectorBytes: numberOf(said(fields, 'Native Block Size') ?? said(fields, 'Logical/Physical Block Size')),
        media: kind === undefined ? undefined : mediaOf(kind),
        interface: /SAS|SATA|NVMe/i.exec(kind ?? '')?.[0].toLowerCase(),
        model: said(fields, 'Model')?.replace(/\s+/g, ' '),
        serial: said(fields, 'Serial Number'),
      }),
    });
  }
  return [...drives.values()];
}

function mediaOf(kind: string): 'hdd' | 'ssd' {
  return /solid state|ssd|nvme/i.test(kind) ? 'ssd' : 'hdd';
}

function roleOf(type: string, array: string): PhysicalDrive['role'] {
  if (/spare/i.test(type)) return 'spare';
  if (/hba mode|raw/i.test(type)) return 'passed-through';
  return array === '' || /unassigned/i.test(type) ? 'unassigned' : 'member';
}

function logicalOf({ name, array, fields, groups }: Section, physical: readonly Section[]): LogicalDrive {
  const level = said(fields, 'Fault Tolerance');
  const members = physical.filter(
    (one) => one.array === array && roleOf(said(one.fields, 'Drive Type') ?? '', array) === 'member',
  );
  const caching = said(fields, 'Caching') ?? said(fields, 'Array Accelerator');
  return {
    number: name,
    geometry: {
      level: levelOf(level),
      array,
      drives: members.map((one) => one.name),
      ...present({
        stripBytes: sizeIn(said(fields, 'Strip Size') ?? said(fields, 'Stripe Size'), 1024),
        mirrorGroups: groups.length === 0 ? undefined : groups,
        caching: caching === undefined ? undefined : caching.startsWith('Enabled'),
        acceleration: said(fields, 'LD Acceleration Method'),
        sectorsPerTrack: numberOf(said(fields, 'Sectors Per Track')),
      }),
    },
    ...present({
      uniqueId: said(fields, 'Unique Identifier')?.toLowerCase(),
      device: said(fields, 'Disk Name'),
      name: said(fields, 'Logical Drive Label'),
      sizeBytes: sizeIn(said(fields, 'Size'), 1024),
      state: said(fields, 'Status'),
    }),
  };
}

/** `1+0` is `raid10`, `1 (ADM)` is `raid1-adm`. */
function levelOf(said: string | undefined): string {
  const [, digits, plus = '', variant] = /^(?:RAID )?(\d+)(?:\+(\d))?(?: \((\w+)\))?$/.exec(said ?? '') ?? [];
  if (digits === undefined) return 'unknown';
  return `raid${digits}${plus}${variant === undefined ? '' : `-${variant.toLowerCase()}`}`;
}

function numberOf(value: string | undefined): number | undefined {
  const digits = /^\d{1,9}\b/.exec(value ?? '')?.[0];
  return digits === undefined ? undefined : Number(digits);
}

function said(fields: Fields, key: string): string | undefined {
  const value = fields.get(key)?.trim();
  return value === '' || value === 'None' || value === 'N/A' ? undefined : value;
}
