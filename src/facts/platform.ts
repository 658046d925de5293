/** What the system runs on: firmware and virtualization. */
import type { Asker } from '../host/asker.ts';
import { oneLine } from './hostname.ts';
import type { Places } from './places.ts';

/** `/sys/firmware/efi` is there exactly when the kernel was started by UEFI; BIOS exists on x86 alone. */
export function firmwareOf(there: Places): 'uefi' | 'bios' | 'unknown' {
  if (there.has('efi')) return 'uefi';
  return there.has('acpi') || there.has('memmap') ? 'bios' : 'unknown';
}

/** As `systemd-detect-virt` has it; `undefined` on bare metal too. */
export async function captureVirtualization(asker: Asker): Promise<string | undefined> {
  const found = await asker.ask({
    argv: ['systemd-detect-virt'],
    parse: oneLine,
    // It answers "none" with 1.
    okCodes: [0, 1],
    subject: 'virtualization',
  });
  return found === 'none' ? undefined : found;
}
