/** The menu in which a medium is chosen to be started, for GRUB. */

import type { MenuEntry } from './format.ts';

/**
 * @param id of the medium, by a file of which GRUB finds the place where it is
 * @param folder of kernel and first stage, from the top of that place
 */
export function grubConfig(id: string, entries: readonly MenuEntry[], folder = '/lifeboat'): string {
  return `search --no-floppy --set=root --file ${folder}/${id}
${grubEntries(entries, folder)}`;
}

/** A serial line that is not there is none: GRUB says so and goes on with the screen. */
export function grubEntries(entries: readonly MenuEntry[], folder: string): string {
  return `if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
set timeout=2
set default=0
${entries.map((entry) => menuEntry(entry, folder)).join('')}`;
}

export function menuEntry({ title, words }: MenuEntry, folder: string): string {
  return `menuentry '${title}' {
  linux ${folder}/vmlinuz ${words.join(' ')}
  initrd ${folder}/initrd
}
`;
}
