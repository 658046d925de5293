/** All formats of media. */
import { LifeboatError } from '../../kernel/errors.ts';
import { raw, usb } from './disk.ts';
import type { Format } from './format.ts';
import { grub } from './grub.ts';
import { iso } from './iso.ts';
import { pxe } from './pxe.ts';

export const formats: readonly Format[] = [iso, usb, raw, pxe, grub];

/** @throws LifeboatError `usage` for a name that no format has */
export function formatNamed(name: string): Format {
  const format = formats.find((one) => one.name === name);
  if (format !== undefined) return format;
  throw new LifeboatError('usage', `no format ${name}`, {
    hint: `There are: ${formats.map((one) => one.name).join(', ')}.`,
  });
}
