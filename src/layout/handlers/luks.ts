/** LUKS: a header, which may lie apart from the data, and the device that is there while it is open. Both are one component. */
import { join } from 'node:path/posix';
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { crypttabDevice, crypttabLine, crypttabLineSchema } from '../crypttab.ts';
import { bytes, carriers, common, harmless, type LayoutHandler, missing, text } from '../handler.ts';
import { readHeader } from '../luks-header.ts';
import type { Probes } from '../probes.ts';
import { type CrypttabEntry, crypttabFile } from '../tools/crypttab.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import type { LuksHeader } from '../tools/luks.ts';
import { luksSettingsSchema } from '../tools/luks-settings.ts';
import { mappingsSubject } from '../stacked.ts';

const schema = z.object({
  kind: z.literal('luks'),
  ...common,
  uuid: text,
  label: text,
  subsystem: text,
  /** Of the devices with the data. */
  sizeBytes: bytes,
  open: z.boolean(),
  /** As it is opened now. */
  name: text,
  /** Path as last seen, while it is open: no identity. */
  device: text,
  /** Where its header is, if not before the data: a file, of the filesystem `on` if it has one of its own; or a device of this layout. */
  header: z.object({ file: text, on: text }).exactOptional(),
  /** Its line in crypttab. */
  crypttab: crypttabLineSchema.exactOptional(),
  /** Absent where the header could not be read. */
  geometry: luksSettingsSchema.exactOptional(),
  /** Set where it is to be opened by its volume key, in place of what a slot knows. */
  opener: z.literal('volume-key').exactOptional(),
});

type Luks = z.infer<typeof schema>;

export const luks: LayoutHandler<Luks> = {
  kind: 'luks',
  schema,
  under: carriers,
  claims: ['crypto_LUKS'],
  askedBy: [crypttabFile, mappingsSubject],
  deviceId: ({ mapping }) => mappedId(mapping?.uuid),
  async capture(probes, asker) {
    const within = bounded(asker);
    const places = await placesOf(probes, within);
    return await Promise.all(places.map((place) => component(place, probes, within)));
  },
  keyOf: ({ crypttab }) => crypttab?.key,
  title({ geometry, label, uuid, sizeBytes, open, name, header, crypttab }) {
    const slots = geometry?.slots.length ?? 0;
    const tokens = geometry?.tokens.map(({ type }) => type) ?? [];
    return [
      geometry === undefined ? 'LUKS' : `LUKS${geometry.version}`,
      formatBytes(sizeBytes),
      label === undefined ? undefined : `"${label}"`,
      uuid,
      geometry?.cipher,
      geometry?.integrity?.type,
      geometry === undefined ? undefined : `${slots} ${slots === 1 ? 'slot' : 'slots'}`,
      tokens.length === 0 ? undefined : `tokens ${tokens.join(', ')}`,
      header === undefined
        ? undefined
        : `header in ${[header.file, header.on].filter((one) => one !== undefined).join(' on ')}`,
      open ? `open as ${name}` : 'closed',
      crypttab === undefined ? undefined : 'in crypttab',
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ open, sizeBytes }, { carrying }) {
    if (carrying) return undefined;
    if (sizeBytes === 0) return harmless('a header alone');
    return missing(
      open
        ? 'no filesystem was seen in it: if it holds data, nothing of it is backed up'
        : 'it is closed: what it holds cannot be read',
    );
  },
  volatile: ['device'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

/** `CRYPT-LUKS2-<UUID without dashes>-<name>`; below one with integrity there is `CRYPT-INTEGRITY-…`, which is a part of it. */
function mappedId(mapping: string | undefined): string | undefined {
  const [, ...parts] =
    /^CRYPT-(?:LUKS[12]|INTEGRITY|SUBDEV)-([\da-f]{8})([\da-f]{4})([\da-f]{4})([\da-f]{4})([\da-f]{12})-/i.exec(
      mapping ?? '',
    ) ?? [];
  return parts.length === 0 ? undefined : `luks:${parts.join('-')}`;
}

/** What there is of one, before its header is read. */
interface Place {
  readonly id: string;
  readonly data: BlockDevice | undefined;
  readonly header: BlockDevice | HeaderFile | undefined;
  readonly opened: BlockDevice | undefined;
  readonly line: CrypttabEntry | undefined;
  readonly read?: LuksHeader | undefined;
}

interface HeaderFile {
  /** As crypttab has it. */
  readonly file: string;
  /** The device with the filesystem that holds it, where crypttab names one. */
  readonly holder: BlockDevice | undefined;
  /** Where it can be read now. */
  readonly path: string | undefined;
}

async function placesOf(probes: Probes, asker: Asker): Promise<readonly Place[]> {
  const idOf = ({ number }: BlockDevice): string => probes.contentIds.get(number) ?? number;
  const headers = new Map(
    probes.devices.filter((device) => probes.contentKindOf(device) === 'luks').map((one) => [idOf(one), one]),
  );
  const opened = new Map(
    probes.devices.filter(({ mapping }) => isOpened(mapping?.uuid)).map((one) => [mappedId(one.mapping?.uuid), one]),
  );
  const places = new Map<string, Place>();
  const known = (id: string): Place => places.get(id) ?? { ...nothing, id };
  for (const [id, device] of headers) places.set(id, { ...nothing, id, data: device, header: device });
  for (const [id, device] of opened) {
    if (id !== undefined) places.set(id, { ...known(id), opened: device, data: dataUnder(device, probes) });
  }
  for (const { line, data, header, read } of await linesOf(probes, asker)) {
    const id = idOfLine(line, data, header, read);
    if (id === undefined) continue;
    const place = known(id);
    places.set(id, {
      ...place,
      line,
      data: place.data ?? data,
      ...(header === undefined ? {} : { header, data, read }),
    });
  }
  return [...places.values()];

  function idOfLine(
    { name }: CrypttabEntry,
    data: BlockDevice | undefined,
    header: Place['header'],
    read: LuksHeader | undefined,
  ): string | undefined {
    if (read !== undefined) return `luks:${read.uuid}`;
    if (isDevice(header)) return headers.has(idOf(header)) ? idOf(header) : undefined;
    // The file of its header cannot be read: while it is open, the kernel says what it is.
    if (header !== undefined) return [...opened].find(([, { mapping }]) => mapping?.name === name)?.[0];
    return data !== undefined && headers.has(idOf(data)) ? idOf(data) : undefined;
  }
}

const nothing = { data: undefined, header: undefined, opened: undefined, line: undefined };

const isDevice = (header: Place['header']): header is BlockDevice => header !== undefined && !('file' in header);

const isOpened = (mapping: string | undefined): boolean => /^CRYPT-LUKS[12]-/.test(mapping ?? '');

/** The device on which an opened one stands, past that of its integrity. */
function dataUnder({ parents, mapping }: BlockDevice, probes: Probes): BlockDevice | undefined {
  const under = probes.devices.find(({ number }) => parents.includes(number));
  if (under === undefined || mappedId(under.mapping?.uuid) !== mappedId(mapping?.uuid)) return under;
  return dataUnder(under, probes);
}

interface Line {
  readonly line: CrypttabEntry;
  readonly data: BlockDevice | undefined;
  /** If it lies apart. */
  readonly header: Place['header'];
  /** Of a header in a file, which alone says what it is. */
  readonly read: LuksHeader | undefined;
}

/** Lines of crypttab, with the devices that they mean. */
async function linesOf(probes: Probes, asker: Asker): Promise<readonly Line[]> {
  return await Promise.all(
    probes.crypttab.map(async (line) => {
      const apart = line.options.find(([name]) => name === 'header')?.[1];
      const [data, header] = await Promise.all([
        crypttabDevice(line.spec, probes, asker),
        apart === undefined ? undefined : headerApart(apart, probes, asker),
      ]);
      if (header === undefined || isDevice(header)) return { line, data, header, read: undefined };
      const { file, path } = header;
      const read = path === undefined ? undefined : await readHeader(path, asker);
      if (read === undefined) {
        const why = path === undefined ? ' on a device that is not mounted' : ', which could not be read';
        asker.gap({
          subject: crypttabFile,
          problem: `the LUKS header of ${line.name} is ${file}${why}`,
          ...(path === undefined ? { hint: 'mount it, and capture again' } : {}),
        });
      }
      return { line, data, header, read };
    }),
  );
}

/** What `header=` means: a device, a file, or `FILE:DEVICE` for a file on a filesystem that is mounted for it alone. */
async function headerApart(option: string, probes: Probes, asker: Asker): Promise<Place['header']> {
  const [, file, spec] = /^(\/.*):((?:UUID|LABEL|PARTUUID|PARTLABEL)=[^:]*|\/[^:]*)$/s.exec(option) ?? [];
  if (file === undefined || spec === undefined) {
    const device = await crypttabDevice(option, probes, asker);
    return device ?? (option.startsWith('/') ? { file: option, holder: undefined, path: option } : undefined);
  }
  const holder = await crypttabDevice(spec, probes, asker);
  const mount = probes.mountsOf.get(holder?.number ?? '')?.find(({ root }) => root === '/');
  return { file, holder, path: mount === undefined ? undefined : join(mount.target, file) };
}

async function component(place: Place, probes: Probes, asker: Asker): Promise<Luks> {
  const { id, data, header, opened, line } = place;
  const read = place.read ?? (await headerOf(place, asker));
  const device = isDevice(header) ? header : undefined;
  const on = [data, device]
    .filter((device) => device !== undefined)
    .map(({ number }) => probes.ids.get(number) ?? number);
  const uuid = read?.uuid ?? device?.uuid;
  return {
    kind: 'luks',
    id,
    on: [...new Set(on)],
    sizeBytes: data?.sizeBytes ?? 0,
    open: opened !== undefined,
    ...present({
      uuid,
      label: read?.label ?? device?.label,
      subsystem: read?.subsystem,
      name: opened?.mapping?.name,
      device: opened?.path,
      header:
        header === undefined || (device !== undefined && device.number === data?.number)
          ? undefined
          : headerPlace(header, probes),
      crypttab: line === undefined ? undefined : crypttabLine(line),
      geometry: read?.settings,
    }),
  };
}

function headerPlace(header: BlockDevice | HeaderFile, probes: Probes): Luks['header'] {
  if (isDevice(header)) return { on: probes.ids.get(header.number) ?? header.number };
  const { file, holder } = header;
  return {
    file,
    ...present({ on: holder && (probes.contentIds.get(holder.number) ?? probes.ids.get(holder.number)) }),
  };
}

/** Of a header on a device; that in a file was read with its line. */
async function headerOf({ id, header, opened }: Place, asker: Asker): Promise<LuksHeader | undefined> {
  if (isDevice(header)) return await readHeader(header.path, asker);
  if (header === undefined)
    asker.gap({
      subject: opened?.path ?? id,
      problem: 'the header of this LUKS lies apart, and crypttab does not say where',
      hint: `add header= to its line in ${crypttabFile}`,
    });
  return undefined;
}
