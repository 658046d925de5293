/** Files for the host's own GRUB, whose menu starts them: whole in memory, so that the disks which they came from can be made anew. */
import type { Format } from './format.ts';
import { isInMemory, writeInMemory } from './in-memory.ts';

export const grub: Format = {
  name: 'grub',
  makes: 'directory',
  isOwn: isInMemory,
  write: async (source, { output }, signal) => await writeInMemory(source, output, signal),
};
