/**
 * A disk that boots by BIOS and UEFI: an image of one, or a stick. First room for GRUB's BIOS part, then one FAT filesystem `LIFEBOAT` with
 * the medium and what UEFI starts, then, where there is room, a filesystem `LIFEBOAT-DATA` for recovery points.
 */
import { readdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../tools.ts';
import { writeExtlinux } from './extlinux.ts';
import type { Format, FormatPlace, FormatSource } from './format.ts';
import { writeBiosGrub } from './grub-bios.ts';
import { grubConfig } from './grub-config.ts';
import { addUefi, diskPrograms } from './uefi.ts';

const sectorBytes = 512;
const mebi = 1 << 20;

/** Where its parts are, in bytes. */
export interface DiskShape {
  readonly bytes: number;
  readonly bios: Extent;
  readonly medium: Extent;
  readonly data?: Extent;
}

export interface Extent {
  readonly start: number;
  readonly bytes: number;
}

export const raw: Format = {
  name: 'raw',
  makes: 'file',
  async write(source, place, signal) {
    const content = await contentBytes(source, place.tools);
    await writeImage(source, place, shapeOf(upToMebi(content * 1.05 + 4 * mebi), 0), signal);
  },
};

export const usb: Format = {
  name: 'usb',
  makes: 'file',
  async write(source, place, signal) {
    const medium = mediumRoom(await contentBytes(source, place.tools));
    await writeImage(source, place, shapeOf(medium, upToMebi(place.room ?? 1024 * mebi)), signal);
  },
};

/** A whole stick: as much as it has, beside the medium, is for recovery points. */
export function stickShape(bytes: number): DiskShape {
  const all = Math.floor(bytes / mebi) * mebi - 3 * mebi;
  const medium = Math.min(all, (bytes < 4096 * mebi ? 512 : 1024) * mebi);
  // Less is no use.
  const room = all - medium < 64 * mebi ? 0 : all - medium;
  return shapeOf(medium, room);
}

/** On a stick there is room for the media to come, which are bigger, so that the points beside them can stay. */
const mediumRoom = (content: number): number => Math.max(512 * mebi, upToMebi(content * 2));

/** @param room bytes for recovery points; none for 0 */
export function shapeOf(medium: number, room: number): DiskShape {
  const bios = { start: mebi, bytes: mebi };
  const second = { start: 2 * mebi, bytes: medium };
  const end = second.start + medium;
  // The last one is for the copy of the table.
  const shape = { bytes: end + room + mebi, bios, medium: second };
  return room === 0 ? shape : { ...shape, data: { start: end, bytes: room } };
}

const upToMebi = (bytes: number): number => Math.ceil(bytes / mebi) * mebi;

async function writeImage(
  source: FormatSource,
  place: FormatPlace,
  shape: DiskShape,
  signal: AbortSignal,
): Promise<void> {
  await writeFile(place.output, '', { mode: 0o600 });
  await truncate(place.output, shape.bytes);
  await writeTable(place.output, shape, place.tools, signal);
  if (shape.data !== undefined) await makeData(place.output, shape.data, place.tools, signal);
  await writeMedium(source, place, shape, signal);
}

/** The table of partitions; what was there before is gone then. */
export async function writeTable(file: string, shape: DiskShape, tools: Tools, signal: AbortSignal): Promise<void> {
  await tools.run(
    'sfdisk',
    ['--quiet', '--wipe', 'always', '--wipe-partitions', 'always', file],
    {
      stdin: Buffer.from(tableText(shape)),
    },
    signal,
  );
}

export function tableText({ bios, medium, data }: DiskShape): string {
  const at = ({ start, bytes }: Extent) => `start=${start / sectorBytes}, size=${bytes / sectorBytes}`;
  return [
    'label: gpt',
    `${at(bios)}, type=21686148-6449-6E6F-744E-656564454649, name="${partNames.bios}"`,
    // extlinux's boot sector looks for the partition with this attribute.
    `${at(medium)}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="${partNames.medium}", attrs="LegacyBIOSBootable"`,
    ...(data === undefined ? [] : [`${at(data)}, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="${partNames.data}"`]),
    '',
  ].join('\n');
}

/** By these a stick of ours is known. */
export const partNames = { bios: 'lifeboat-bios', medium: 'lifeboat', data: 'lifeboat-data' } as const;

export async function makeData(file: string, data: Extent, tools: Tools, signal: AbortSignal): Promise<void> {
  const options = ['-q', '-F', '-t', 'ext4', '-L', 'LIFEBOAT-DATA', '-m', '0', '-E', `offset=${data.start}`];
  await tools.run('mke2fs', [...options, file, `${data.bytes / 1024}k`], { timeoutMs: 1_800_000 }, signal);
}

/** The medium, and what starts it, into a table that is there. */
export async function writeMedium(
  source: FormatSource,
  { tools, work, output, loader = 'grub' }: FormatPlace,
  { bios, medium }: DiskShape,
  signal: AbortSignal,
): Promise<void> {
  const image = `${output}@@${medium.start}`;
  const sectors = ['--offset', String(medium.start / sectorBytes), '-s', String(clusterSectors(medium.bytes))];
  // On a stick it sees the table that is meant to be there, and would have none of it.
  const volume = ['-I', '--mbr=no', '-F', '32', '-n', 'LIFEBOAT', '-i', source.id.slice(0, 8)];
  const blocks = String(medium.bytes / 1024);
  await tools.run('mkfs.vfat', [...volume, ...sectors, output, blocks], { timeoutMs: limitMs }, signal);
  await addUefi(image, grubConfig(source.id, source.entries), tools, signal);
  await tools.run('mmd', ['-i', image, '::/lifeboat'], {}, signal);
  for (const name of await readdir(join(source.directory, 'lifeboat'))) {
    const from = join(source.directory, 'lifeboat', name);
    await tools.run('mcopy', ['-i', image, from, `::/lifeboat/${name}`], { timeoutMs: limitMs }, signal);
  }
  if (loader === 'grub') await writeBiosGrub(output, bios, tools, work, signal);
  else await writeExtlinux(output, medium, source.entries, tools, work, signal);
}

/** A stick may be as slow as that. */
const limitMs = 1_800_000;

/** As big as they can be in a FAT with entries of 32 bits, which has to have more than 65525. */
function clusterSectors(bytes: number): number {
  return [8, 4, 2].find((sectors) => bytes / sectorBytes / sectors > 67_000) ?? 1;
}

/** What goes into the FAT. */
export async function contentBytes({ directory }: FormatSource, tools: Tools): Promise<number> {
  const names = (await readdir(join(directory, 'lifeboat'))).map((name) => join(directory, 'lifeboat', name));
  const files = [...names, ...Object.values(diskPrograms).map((from) => tools.file(from))];
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
