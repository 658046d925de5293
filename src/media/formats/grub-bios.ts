/** GRUB for disks under BIOS: the boot sector, and the rest of GRUB in a partition of its own, as `grub-install` puts them there. */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tools } from '../tools.ts';
import type { Extent } from './disk.ts';

/** What it starts with, which has to read the filesystem with its configuration. */
const modules =
  'biosdisk part_gpt fat normal configfile linux echo test serial terminal search search_fs_file gzio all_video';

const sector = 512;
/** Of the boot sector: code, as far as the table of partitions of old. */
const codeBytes = 440;

/** @param room its partition, which is followed by the one with `boot/grub/grub.cfg` */
export async function writeBiosGrub(
  disk: string,
  room: Extent,
  tools: Tools,
  work: string,
  signal: AbortSignal,
): Promise<void> {
  const core = join(work, 'core.img');
  const of = ['-O', 'i386-pc', '-d', tools.file('usr/lib/grub/i386-pc'), '-p', '(,gpt2)/boot/grub', '-o', core];
  await tools.run('grub-mkimage', [...of, ...modules.split(' ')], {}, signal);
  const first = room.start / sector;
  await using file = await open(disk, 'r+');
  await writeAt(file, placedCore(await readFile(core), first), room.start);
  await writeBootCode(file, placedBoot(await readFile(tools.file('usr/lib/grub/i386-pc/boot.img')), first));
}

/** Code of the boot sector, which leaves the table of partitions as it is. */
export async function writeBootCode(file: FileHandle, code: Buffer): Promise<void> {
  await writeAt(file, code.subarray(0, codeBytes), 0);
  // Some firmware starts only disks one of whose partitions is marked: the one that stands for the whole table.
  await writeAt(file, Buffer.from([0x80]), 446);
  await file.sync();
}

/** The boot sector, told where the rest begins. */
export function placedBoot(image: Buffer, first: number): Buffer {
  const boot = Buffer.from(image);
  boot.writeBigUInt64LE(BigInt(first), 0x5c);
  // It takes the number of the disk from the firmware as it is, but for firmware that takes a stick for a floppy.
  boot.writeUInt16LE(0x9090, 0x66);
  return boot;
}

/** The rest, whose first sector is told where the others are: behind it. */
export function placedCore(image: Buffer, first: number): Buffer {
  const core = Buffer.from(image);
  core.writeBigUInt64LE(BigInt(first + 1), sector - 12);
  return core;
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  await file.write(bytes, 0, bytes.length, position);
}
