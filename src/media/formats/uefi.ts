/** What firmware of the kind UEFI starts: shim, which it trusts, and GRUB, which shim trusts. The same with and without Secure Boot. */
import type { Tools } from '../tools.ts';

/** Files of the tools, by the name at which firmware or shim looks for them in `EFI/BOOT` of a disk. */
export const diskPrograms: Readonly<Record<string, string>> = {
  'BOOTX64.EFI': 'usr/lib/shim/shimx64.efi.signed',
  'grubx64.efi': 'usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed',
  // Asks the person at the screen which other keys are to be trusted; shim starts it where one has asked for that.
  'mmx64.efi': 'usr/lib/shim/mmx64.efi.signed',
};

/**
 * Puts them into a filesystem of the kind FAT, with the menu: this GRUB reads the configuration of the filesystem that it was started
 * from before it looks at others.
 *
 * @param image as mtools take it, with where it begins: `disk.img@@1048576`
 */
export async function addUefi(image: string, menu: string, tools: Tools, signal: AbortSignal): Promise<void> {
  await tools.run('mmd', ['-D', 's', '-i', image, '::/EFI', '::/EFI/BOOT', '::/boot', '::/boot/grub'], {}, signal);
  for (const [name, from] of Object.entries(diskPrograms)) {
    await tools.run('mcopy', ['-i', image, tools.file(from), `::/EFI/BOOT/${name}`], {}, signal);
  }
  await tools.run('mcopy', ['-i', image, '-', '::/boot/grub/grub.cfg'], { stdin: Buffer.from(menu) }, signal);
}
