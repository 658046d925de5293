/**
 * Copies of what opens the LUKS volumes of a host: headers, and the areas of the slots in use. Whoever has one and a passphrase that was
 * valid then has the volume key: a copy goes nowhere but into what is sealed.
 */
import { join } from 'node:path/posix';
import type { Asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import { readHeader } from './luks-header.ts';
import type { HeaderArea } from './tools/luks.ts';
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
 */
export async function copyHeaders(layout: Layout, asker: Asker): Promise<readonly HeaderCopy[]> {
  const within = bounded(asker, { budgetMs: 60_000 });
  const volumes = layout.components.filter((one): one is Luks => one.kind === 'luks');
  const copies = await Promise.all(volumes.map((volume) => copyOf(volume, layout, within)));
  return copies.filter((copy) => copy !== undefined);
}

async function copyOf(volume: Luks, layout: Layout, asker: Asker): Promise<HeaderCopy | undefined> {
  const path = headerPath(volume, layout);
  const refuse = (problem: string): undefined => {
    asker.gap({ subject: volume.id, problem: `its LUKS header is not kept: ${problem}` });
  };
  if (path === undefined) return refuse('it is not known where it is');
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const before = await readHeader(path, asker);
    if (before === undefined) return refuse(`${path} cannot be read`);
    if (before.uuid !== volume.uuid) return refuse(`${path} is another volume now`);
    // The key that was is being replaced: such a header fits the data for a moment only, and cryptsetup restores none.
    if (before.settings.requirements.some((name) => name.includes('reencrypt')))
      return refuse('the volume is being encrypted anew');
    const parts = await readParts(path, before.area, asker);
    if (parts === undefined) return refuse(`${path} cannot be read`);
    const after = await readHeader(path, asker);
    if (after?.sum === before.sum)
      return { uuid: before.uuid, version: before.settings.version, sizeBytes: before.area.sizeBytes, parts };
  }
  return refuse('it changes all the time');
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
