/** A medium that is whole in memory once it was loaded: for starts over the network, and from disks that are made anew afterwards. */
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { cpio } from '../cpio.ts';
import type { FormatSource, MenuEntry } from './format.ts';

/** What the first stage looks for in `/lifeboat`. */
const carried = ['medium.json', 'SHA256SUMS', 'base.squashfs', 'host.squashfs'];

/**
 * Writes `vmlinuz`, `initrd` with the first stage and all that it puts together, `medium.json`, and the empty file that is named by the id.
 * One file, as not every loader takes several; the kernel unpacks one archive after the other.
 */
export async function writeInMemory(
  { directory, id }: FormatSource,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(target, { recursive: true });
  const from = join(directory, 'lifeboat');
  for (const name of ['vmlinuz', 'medium.json', id]) await copyFile(join(from, name), join(target, name));
  await pipeline(
    async function* () {
      let length = 0;
      for await (const chunk of createReadStream(join(from, 'initrd'), { signal })) {
        length += chunk.length;
        yield chunk;
      }
      // The next archive begins at a multiple of four.
      yield Buffer.alloc((4 - (length % 4)) % 4);
      yield* cpio([
        { name: 'lifeboat', from },
        ...carried.map((name) => ({ name: `lifeboat/${name}`, from: join(from, name) })),
      ]);
    },
    createWriteStream(join(target, 'initrd'), { mode: 0o600 }),
    { signal },
  );
}

/** It is in memory anyway. */
export function inMemoryEntries(entries: readonly MenuEntry[]): readonly MenuEntry[] {
  return entries.filter(({ words }) => !words.includes('lifeboat.toram'));
}

/** Whether a name in the directory is one of those that {@link writeInMemory} writes. */
export const isInMemory = (name: string): boolean => /^(vmlinuz|initrd|medium\.json|[0-9a-f]{16})$/.test(name);
