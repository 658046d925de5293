import { unescapeOctal } from './fstab.ts';

export const swapsFile = '/proc/swaps';

export interface SwapEntry {
  readonly path: string;
  readonly isFile: boolean;
  readonly sizeBytes: number;
  readonly priority: number;
}

/** `/proc/swaps`: a heading, then one line for each swap in use. */
export function parseSwaps(content: string): SwapEntry[] {
  const [heading = '', ...lines] = content.split('\n');
  if (!/^Filename\s+Type\s+Size/.test(heading)) throw new Error('not /proc/swaps');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, path, type, kib, priority] = /^(\S+)\s+(\S+)\s+(\d+)\s+\d+\s+(-?\d+)/.exec(line) ?? [];
      if (path === undefined) throw new Error(`not a swap: ${JSON.stringify(line)}`);
      return {
        path: unescapeOctal(path),
        isFile: type === 'file',
        sizeBytes: Number(kib) * 1024,
        priority: Number(priority),
      };
    });
}
