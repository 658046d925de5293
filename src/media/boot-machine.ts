/** The machine in which a medium is tried: empty but for a blank disk, and connected to nothing. */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { localHost } from '../host/local.ts';
import { explaining } from '../kernel/errors.ts';
import { firmwareOf, type FirmwareKind } from '../machine/firmware.ts';
import { imagesOf } from '../qemu/image.ts';
import type { Qemu } from '../qemu/program.ts';
import type { Disk, MachineSpec } from '../qemu/spec.ts';
import type { FormatName } from './formats/format.ts';

/** What a machine takes a medium for: a CD, a stick, a disk, or a server from which it starts. */
export type BootFormat = Exclude<FormatName, 'grub'>;

export interface BootPlace {
  /** An image, or the directory of a medium for starts over the network. */
  readonly image: string;
  readonly format: BootFormat;
  readonly firmware: FirmwareKind;
  readonly memoryMiB: number;
}

/** @param work a directory that lives as long as the machine */
export async function bootMachine(
  { image, format, firmware, memoryMiB }: BootPlace,
  qemu: Qemu,
  work: string,
  signal: AbortSignal,
): Promise<MachineSpec> {
  await using host = localHost();
  const images = imagesOf(qemu, host);
  const blank: Disk = { file: join(work, 'blank.qcow2'), format: 'qcow2', serial: 'BLANK', bus: 'scsi' };
  await images.create(blank.file, 64 << 20, signal);
  const common = {
    name: 'rescue',
    memoryMiB,
    cpus: 1,
    firmware: await firmwareOf(firmware, qemu, work, signal),
    disks: [blank],
    cards: [{ network: { kind: 'user' } }],
    screen: true,
  } as const;
  if (format === 'iso') return { ...common, cd: { file: image, bootIndex: 1 } };
  if (format === 'pxe') {
    const tftp = { directory: image, file: firmware === 'bios' ? 'boot.ipxe' : 'bootx64.efi' };
    return { ...common, cards: [{ network: { kind: 'user', tftp }, bootIndex: 1 }] };
  }
  // The machine may write to it, as to any stick; the image stays as it is.
  const file = join(work, 'medium.qcow2');
  await images.overlay(file, { file: image, format: 'raw' }, signal);
  const bus = format === 'usb' ? 'usb' : 'sata';
  return { ...common, disks: [{ file, format: 'qcow2', serial: 'LIFEBOAT', bus, bootIndex: 1 }, blank] };
}

/** What a medium is that somebody only names, by what it begins with. @throws LifeboatError `not-found` */
export async function formatOfImage(image: string): Promise<BootFormat> {
  return await explaining(`read ${image}`, async () => {
    if ((await stat(image)).isDirectory()) return 'pxe';
    await using file = await open(image);
    const { buffer } = await file.read(Buffer.alloc(5), 0, 5, 0x8001);
    return buffer.toString('latin1') === 'CD001' ? 'iso' : 'usb';
  });
}
