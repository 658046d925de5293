/** The firmware of a machine, with variables of its own. */
import { join } from 'node:path';
import { localHost } from '../host/local.ts';
import { imagesOf } from '../qemu/image.ts';
import { type Qemu, uefiFirmware } from '../qemu/program.ts';
import type { Firmware } from '../qemu/spec.ts';

/** `secure` is UEFI that starts only what is signed. */
export const firmwareKinds = ['bios', 'uefi', 'secure'] as const;
export type FirmwareKind = (typeof firmwareKinds)[number];

/**
 * @param directory where its variables are written; it lives as long as the machine
 * @throws LifeboatError `tool-missing` where there is no such firmware
 */
export async function firmwareOf(
  kind: FirmwareKind,
  qemu: Qemu,
  directory: string,
  signal: AbortSignal,
): Promise<Firmware> {
  if (kind === 'bios') return { kind };
  const secureBoot = kind === 'secure';
  const { code, variables: template } = await uefiFirmware(qemu, secureBoot);
  const variables = join(directory, 'firmware.qcow2');
  await using host = localHost();
  await imagesOf(qemu, host).convert(variables, { file: template, format: 'raw' }, signal);
  return { kind: 'uefi', code, variables, secureBoot };
}
