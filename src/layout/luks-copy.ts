/**
 * Copies of what opens the LUKS volumes of a host: headers, and the areas of the slots in use. Whoever has one and a passphrase that was
 * valid then has the volume key: a copy goes nowhere but into what is sealed.
 */
import { join } from 'node:path/posix';
import type { Asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import { readHeader } from './luks-header.ts';
import type { LuksHeader } from './tools/luks.ts';
import { bytesOf, type HeaderArea } from './tools/luks-area.ts';
import type { Component, ComponentOf, Layout } from './types.ts';

type Luks = ComponentOf<'luks'>;

export interface HeaderCopy {
  readonly uuid: string;
  readonly version: 1 | 2;
  /** Of the image that `cryptsetup luksHeaderRestore` takes; between the parts it is zero. */
  readonly sizeBytes: number;
  readonly parts: readonly { readonly offsetBytes: number; readonly bytes: Buffer }[];
}

/** Somebody may add a slot at the very moment. */
const attempts = 3;

/**
 * Of every volume in `layout`, whether it is open or not. What cannot be copied is a gap: names of devices may be others by now, so a
 * header is taken for that of a volume by its UUID alone.
 *
 * @param roomBytes for all copies together; the smallest come first, and what there is no room for is not read
 */
export async function copyHeaders(layout: Layout, asker: Asker, roomBytes: number): Promise<readonly HeaderCopy[]> {
  const within = bounded(asker, { budgetMs: 60_000 });
  const volumes = layout.components.filter((one): one is Luks => one.kind === 'luks');
  const found = await Promise.all(volumes.map((volume) => foundHeader(volume, layout, within)));
  const room = roomFor(roomBytes);
  const copies = found
    .filter((one) => one !== undefined)
    .toSorted((a, b) => bytesOf(a.area) - bytesOf(b.area))
    .map((one) => copyOf(one, room, within));
  return (await Promise.all(copies)).filter((copy) => copy !== undefined);
}

/** What is held of all volumes at once is bounded, whatever their headers say. */
interface Room {
  take(bytes: number): boolean;
  give(bytes: number): void;
}

function roomFor(bytes: number): Room {
  let left = bytes;
  return {
    take(wanted) {
      if (wanted > left) return false;
      left -= wanted;
      return true;
    },
    give: (back) => void (left += back),
  };
}

/** Before anything but the header itself is read. */
interface Found {
  readonly volume: Luks;
  readonly path: string;
  readonly header: LuksHeader;
  readonly area: HeaderArea;
}

function refuse(volume: Luks, problem: string, asker: Asker): undefined {
  asker.gap({ subject: volume.id, problem: `its LUKS header is not kept: ${problem}` });
}

async function foundHeader(volume: Luks, layout: Layout, asker: Asker): Promise<Found | undefined> {
  const { id, uuid, header } = volume;
  if (uuid === undefined)
    return refuse(
      volume,
      header === undefined ? 'it is not known where it is' : 'it could not be read when the layout was captured',
      asker,
    );
  // What opens one need not open the other, and only one can be asked for.
  if (id !== `luks:${uuid}`) return refuse(volume, `the volume is a copy of another with the UUID ${uuid}`, asker);
  const path = headerPath(volume, layout);
  if (path === undefined) return refuse(volume, 'it is not known where it is', asker);
  return await readFound(volume, path, asker);
}

async function readFound(volume: Luks, path: string, asker: Asker): Promise<Found | undefined> {
  const header = await readHeader(path, asker);
  if (header === undefined) return refuse(volume, `${path} cannot be read`, asker);
  if (header.uuid !== volume.uuid) return refuse(volume, `${path} is another volume now`, asker);
  // cryptsetup restores none that begins so.
  if (header.second === true) return refuse(volume, `the first of the two on ${path} is damaged`, asker);
  // The key that was is being replaced: such a header fits the data for a moment only, and cryptsetup restores none.
  if (header.settings.requirements.some((name) => name.includes('reencrypt')))
    return refuse(volume, 'the volume is being encrypted anew', asker);
  const { area } = header;
  if (area === undefined) return refuse(volume, 'where it says that its slots are, they cannot be', asker);
  return { volume, path, header, area };
}

async function copyOf(first: Found, room: Room, asker: Asker): Promise<HeaderCopy | undefined> {
  const { volume, path } = first;
  let now: Found | undefined = first;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const { header, area }: Found = now;
    if (!room.take(bytesOf(area))) return refuse(volume, 'there is no room for it beside the others', asker);
    const parts = await readParts(path, area, asker);
    if (parts === undefined) return refuse(volume, `${path} cannot be read`, asker);
    now = await readFound(volume, path, asker);
    if (now === undefined) return undefined;
    if (now.header.sum === header.sum)
      return { uuid: header.uuid, version: header.settings.version, sizeBytes: area.sizeBytes, parts };
    room.give(bytesOf(area));
  }
  return refuse(volume, 'it changes all the time', asker);
}

/** Where the header can be read now. */
function headerPath({ on, header }: Luks, { components }: Layout): string | undefined {
  if (header?.file !== undefined) {
    if (header.on === undefined) return header.file;
    const holds = (one: Component): one is ComponentOf<'mount'> =>
      one.kind === 'mount' &&
      one.mounted &&
      one.hidden !== true &&
      one.root === '/' &&
      one.on.includes(header.on ?? '');
    const mount = components.find(holds);
    return mount === undefined ? undefined : join(mount.path, header.file);
  }
  const place = header?.on ?? on[0];
  const device = components.find(({ id }) => id === place);
  return device !== undefined && 'device' in device ? device.device : undefined;
}

async function readParts(path: string, { parts }: HeaderArea, asker: Asker): Promise<HeaderCopy['parts'] | undefined> {
  const read: { offsetBytes: number; bytes: Buffer }[] = [];
  for (const { offsetBytes, lengthBytes } of parts) {
    const bytes = await asker.bytes({
      argv: [
        'dd',
        `if=${path}`,
        'bs=64K',
        'iflag=skip_bytes,count_bytes,fullblock',
        `skip=${offsetBytes}`,
        `count=${lengthBytes}`,
        'status=none',
      ],
      subject: path,
    });
    if (bytes?.length !== lengthBytes) return undefined;
    read.push({ offsetBytes, bytes });
  }
  return read;
}
