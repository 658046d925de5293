/** Memory: what the kernel manages, what is installed, and what is set aside as huge pages. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { type Places, places } from './places.ts';

export const memorySchema = z.object({
  /**
   * The blocks of memory that the firmware or hypervisor gives. Unlike `memoryBytes` it does not depend on what kernel
   * and balloon take for themselves. Rounded up to blocks; absent where the kernel does not count them.
   */
  installedBytes: z.number().int().nonnegative().exactOptional(),
  hugePages: z
    .object({ count: z.number().int().nonnegative(), pageBytes: z.number().int().positive() })
    .exactOptional(),
});

export type Memory = z.infer<typeof memorySchema>;

export interface Meminfo {
  readonly totalBytes: number;
  readonly hugePages?: Memory['hugePages'];
}

export function parseMeminfo(content: string): Meminfo {
  const field = (name: string): number | undefined => {
    const digits = new RegExp(`^${name}:\\s*(\\d+)(?: kB)?$`, 'm').exec(content)?.[1];
    return digits === undefined ? undefined : Number(digits);
  };
  const kib = field('MemTotal');
  if (kib === undefined) throw new Error('no MemTotal in it');
  const count = field('HugePages_Total') ?? 0;
  const size = field('Hugepagesize') ?? 0;
  return { totalBytes: kib * 1024, ...(count > 0 && size > 0 ? { hugePages: { count, pageBytes: size * 1024 } } : {}) };
}

/** `undefined` without a gap where the kernel has no such blocks. */
export async function captureInstalledBytes(asker: Asker, there: Places): Promise<number | undefined> {
  if (!there.has('memoryBlocks')) return undefined;
  const subject = 'installed memory';
  const [blocks, size] = await Promise.all([
    asker.ask({ argv: ['ls', places.memoryBlocks], parse: parseBlocks, subject }),
    asker.file(`${places.memoryBlocks}/block_size_bytes`, parseBlockSize),
  ]);
  return blocks === undefined || size === undefined ? undefined : blocks * size;
}

export function parseBlocks(stdout: string): number {
  const count = stdout.match(/^memory\d+$/gm)?.length ?? 0;
  if (count === 0) throw new Error('no blocks of memory in it');
  return count;
}

/** In hexadecimal, without a prefix. */
export function parseBlockSize(content: string): number {
  const size = /^[0-9a-f]{1,12}\n?$/i.test(content) ? Number.parseInt(content, 16) : 0;
  if (size <= 0) throw new Error('not a size');
  return size;
}
