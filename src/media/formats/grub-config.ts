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

/**
 * A serial line that is not there is none: GRUB says so and goes on with the screen.
 *
 * @param first folder that is tried before the other
 */
export function grubEntries(entries: readonly MenuEntry[], folder: string, first?: string): string {
  return `if serial --unit=0 --speed=115200; then
  terminal_input console serial
  terminal_output console serial
fi
set timeout=2
set default=0
${entries.map(({ title, words }) => `menuentry '${title}' {\n${start(words, folder, first)}}\n`).join('')}`;
}

function start(words: readonly string[], folder: string, first?: string): string {
  const linux = (from: string): string => `linux ${from}/vmlinuz ${words.join(' ')}`;
  if (first === undefined) return `  ${linux(folder)}\n  initrd ${folder}/initrd\n`;
  return `  if ${linux(first)}; then
    initrd ${first}/initrd
  else
    ${linux(folder)}
    initrd ${folder}/initrd
  fi
`;
}
