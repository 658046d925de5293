/** Devices on which dm-integrity keeps a sum of each sector, by itself; that of LUKS2 is told with the volume. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import { crypttabLine, crypttabLineSchema } from '../crypttab.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from '../handler.ts';
import type { Probes } from '../probes.ts';
import { deviceOnHost } from '../spec.ts';
import { type CrypttabEntry, parseCrypttab } from '../tools/crypttab.ts';
import {
  isSuperblock,
  parseSuperblock,
  parseTable,
  type Superblock,
  superblockArgv,
  type Table,
  tableArgv,
} from '../tools/integrity.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { mappingsSubject } from '../stacked.ts';

const schema = z.object({
  kind: z.literal('integrity'),
  ...common,
  /** Path as last seen: no identity. Absent while it is closed. */
  device: text,
  /** Of its mapping, or as integritytab has it. */
  name: text,
  sizeBytes: bytes,
  /** Its line in integritytab; the key's file is named, and what is in it is never read. */
  integritytab: crypttabLineSchema.exactOptional(),
  /** As it stands on its device. */
  geometry: z
    .object({
      version: z.number(),
      tagBytes: bytes,
      sectorSize: bytes,
      interleaveSectors: bytes,
      journalSections: bytes,
      flags: z.array(z.string()),
    })
    .exactOptional(),
  /** What is told when it is opened, as the kernel has it. */
  opened: z
    .object({
      /** `journal`, `bitmap`, `direct`, `recovery`. */
      mode: z.string(),
      algorithm: text,
      keyBytes: bytes.exactOptional(),
      options: z.record(z.string(), z.string()),
    })
    .exactOptional(),
});

type Integrity = z.infer<typeof schema>;

const memberType = 'DM_integrity';
const integritytabFile = '/etc/integritytab';

const looked = new WeakMap<Asker, Map<string, Superblock>>();

export const integrity: LayoutHandler<Integrity> = {
  kind: 'integrity',
  schema,
  under: carriers,
  claims: [memberType],
  askedBy: [mappingsSubject, integritytabFile],
  async look(devices, asker) {
    const within = bounded(asker);
    const found = new Map<string, Superblock>();
    looked.set(asker, found);
    // For the same reason blkid may see nothing below one that was just made.
    const lower = new Set(
      devices.flatMap(({ mapping, parents }) => (openedName(mapping?.uuid) === undefined ? [] : parents)),
    );
    return await Promise.all(
      devices.map(async (device) => {
        const isBare = device.fstype === undefined && device.table === undefined && lower.has(device.number);
        if (device.fstype !== memberType && !isBare) return device;
        const argv = superblockArgv(device.path);
        const parse = (stdout: string) => {
          const block = nameToBytes(stdout);
          // The data of one whose metadata lies elsewhere.
          return isBare && !isSuperblock(block) ? undefined : parseSuperblock(block);
        };
        const said = await within.ask({ argv, parse, subject: device.path });
        if (said === undefined && isBare) return device;
        if (said !== undefined) found.set(device.number, said);
        // Nothing else in it is its own.
        const { uuid: _uuid, ...rest } = device;
        return { ...rest, fstype: memberType, ...present({ uuid: said?.salt ?? identityBelow(device, devices) }) };
      }),
    );
  },
  deviceId({ mapping }, parents) {
    const uuid = parents.find(({ fstype }) => fstype === memberType)?.uuid;
    return openedName(mapping?.uuid) === undefined || uuid === undefined ? undefined : `integrity:${uuid}`;
  },
  async capture(probes, asker) {
    const lower = probes.devices.filter((device) => probes.contentKindOf(device) === 'integrity');
    if (lower.length === 0) return [];
    const within = bounded(asker);
    const bad = (line: number): void =>
      asker.gap({
        subject: integritytabFile,
        problem: `line ${line} is no entry`,
        hint: 'integritytab(5) tells what is',
      });
    const lines = await asker.file(integritytabFile, (content) => parseCrypttab(content, bad), { mayBeAbsent: true });
    const named = await linesByDevice(lines ?? [], probes, within);
    return await Promise.all(
      lower.map(async (device) => {
        const id = probes.contentIds.get(device.number) ?? device.number;
        const made = probes.devices.find(
          (one) => openedName(one.mapping?.uuid) !== undefined && probes.ids.get(one.number) === id,
        );
        const table = made === undefined ? undefined : await askTable(made, within);
        return component(
          id,
          device,
          made,
          table,
          named.get(device.number),
          looked.get(asker)?.get(device.number),
          probes,
        );
      }),
    );
  },
  keyOf: ({ integritytab }) => integritytab?.key,
  title: ({ device, name, sizeBytes, opened }) =>
    [
      'integrity',
      device ?? name,
      formatBytes(sizeBytes),
      opened?.algorithm,
      opened?.mode,
      device === undefined ? 'closed' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  '),
  coverage({ device }, { carrying }) {
    if (device === undefined) return missing('it is closed: what it holds cannot be read');
    return carrying ? undefined : missing('nothing was seen on it: if it holds data, nothing of it is backed up');
  },
  volatile: ['device'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

/**
 * By what one is known that has no salt, as of Debian 11: by what it lies on, or by the name that it was opened with.
 * Absent of one that is closed and lies on what has no name of its own: then its id is by that one's.
 */
export function identityBelow(
  { number, mapping, partUuid, serial, wwn, parents }: BlockDevice,
  devices: readonly BlockDevice[],
): string | undefined {
  // Of DRBD and of arrays in containers what their kinds said of them; all volumes of DRBD are "DRBD".
  const made = mapping?.uuid === 'DRBD' ? mapping.name : mapping?.uuid;
  const below = devices.find((device) => parents.includes(device.number) && device.uuid !== undefined);
  const above = devices.find((device) => device.parents.includes(number) && device.mapping !== undefined);
  return [partUuid, made, below?.uuid, serial, wwn, above?.mapping?.name].find(
    (name) => name !== undefined && name !== '',
  );
}

/** That of LUKS2 has the UUID of its volume before its name. */
function openedName(mapping: string | undefined): string | undefined {
  return /^CRYPT-INTEGRITY-(?![0-9a-f]{32}-)(.+)$/s.exec(mapping ?? '')?.[1];
}

async function askTable({ number, path }: BlockDevice, asker: Asker): Promise<Table | undefined> {
  const [major = '', minor = ''] = number.split(':');
  return await asker.ask({ argv: tableArgv(major, minor), parse: parseTable, subject: path });
}

async function linesByDevice(
  lines: readonly CrypttabEntry[],
  probes: Probes,
  asker: Asker,
): Promise<Map<string, CrypttabEntry>> {
  const found = lines.map(async (line) => {
    const device =
      probes.deviceOfSpec(line.spec) ?? (await deviceOnHost(line.spec, probes.devices, asker, integritytabFile));
    return device === undefined ? [] : [[device.number, line] as const];
  });
  return new Map((await Promise.all(found)).flat());
}

function component(
  id: string,
  lower: BlockDevice,
  made: BlockDevice | undefined,
  table: Table | undefined,
  line: CrypttabEntry | undefined,
  said: Superblock | undefined,
  probes: Probes,
): Integrity {
  // Of one whose metadata lies elsewhere, both; the kernel tells while it is open.
  const under = [lower.number, ...(made?.parents ?? [])].map((number) => probes.ids.get(number) ?? number);
  return {
    kind: 'integrity',
    id,
    on: [...new Set(under)],
    sizeBytes: made?.sizeBytes ?? said?.dataBytes ?? lower.sizeBytes,
    ...present({
      device: made?.path,
      name: made === undefined ? line?.name : openedName(made.mapping?.uuid),
      integritytab: line === undefined ? undefined : crypttabLine(line),
      geometry: said === undefined ? undefined : geometryOf(said),
      opened: table === undefined ? undefined : openedOf(table),
    }),
  };
}

function geometryOf({ version, tagBytes, sectorSize, interleaveSectors, journalSections, flags }: Superblock) {
  return { version, tagBytes, sectorSize, interleaveSectors, journalSections, flags: [...flags] };
}

function openedOf({ mode, algorithm, keyBytes, options }: Table) {
  return { mode, options: { ...options }, ...present({ algorithm, keyBytes }) };
}
