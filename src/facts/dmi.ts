/** What the firmware says of machine, board and itself (SMBIOS); on ARM boards the model of the device tree. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Places, places } from './places.ts';
import { asRoot, type Contents, contentsOf } from './reading.ts';

const files = {
  vendor: 'sys_vendor',
  product: 'product_name',
  version: 'product_version',
  family: 'product_family',
  serial: 'product_serial',
  uuid: 'product_uuid',
  chassisType: 'chassis_type',
  boardVendor: 'board_vendor',
  board: 'board_name',
  boardSerial: 'board_serial',
  biosVendor: 'bios_vendor',
  biosVersion: 'bios_version',
  biosDate: 'bios_date',
} as const;

/** Only root may read serial numbers and the id. What the maker left empty is absent. */
export const dmiSchema = z.object({
  vendor: z.string().exactOptional(),
  product: z.string().exactOptional(),
  version: z.string().exactOptional(),
  family: z.string().exactOptional(),
  serial: z.string().exactOptional(),
  uuid: z.string().exactOptional(),
  /** A number of the SMBIOS specification: 3 desktop, 9 laptop, 17 and 23 server, 1 other, as in most guests. */
  chassisType: z.string().exactOptional(),
  boardVendor: z.string().exactOptional(),
  board: z.string().exactOptional(),
  boardSerial: z.string().exactOptional(),
  biosVendor: z.string().exactOptional(),
  biosVersion: z.string().exactOptional(),
  biosDate: z.string().exactOptional(),
});

export type Dmi = z.infer<typeof dmiSchema>;

/** What makers write when they have written nothing. */
const placeholder =
  /^(?:to be filled by o\.?e\.?m\.?|default string|not specified|system serial number|0+|none|n\/a)$/i;

export function parseDmi(contents: Contents): Dmi {
  const found = Object.entries(files).flatMap(([name, file]) => {
    const value = contents.get(`${places.dmi}/${file}`)?.trim() ?? '';
    return value === '' || placeholder.test(value) ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** `undefined` without a gap on a machine that has neither. */
export async function captureDmi(asker: Asker, there: Places): Promise<Dmi | undefined> {
  if (!there.has('dmi')) return await captureDeviceTree(asker);
  const paths = Object.values(files).map((file) => `${places.dmi}/${file}`);
  const read = await contentsOf(asker, 'DMI', paths);
  if (read === undefined) return undefined;
  if (read.denied.length > 0) {
    asker.gap({ subject: 'DMI serial numbers', problem: 'only root may read them', hint: asRoot });
  }
  return parseDmi(read.contents);
}

async function captureDeviceTree(asker: Asker): Promise<Dmi | undefined> {
  const product = await asker.file('/proc/device-tree/model', parseModel, { mayBeAbsent: true });
  return product === undefined ? undefined : { product };
}

/** Ends with NUL. */
export function parseModel(content: string): string {
  const model = content.replace(/[\0\s]+$/, '');
  if (model === '') throw new Error('no model');
  return model;
}
