export const swapsFile = '/proc/swaps';

export interface SwapEntry {
  readonly path: string;
  readonly isFile: boolean;
  readonly sizeBytes: number;
}

/** `/proc/swaps`: a heading, then one line for each swap in use. */
export function parseSwaps(content: string): SwapEntry[] {
  const [heading = '', ...lines] = content.split('\n');
  if (!/^Filename\s+Type\s+Size/.test(heading)) throw new Error('not /proc/swaps');
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, path, type, kib] = /^(\S+)\s+(\S+)\s+(\d+)\s/.exec(line) ?? [];
      if (path === undefined) throw new Error(`not a swap: ${JSON.stringify(line)}`);
      return { path: unescapeOctal(path), isFile: type === 'file', sizeBytes: Number(kib) * 1024 };
    });
}

/** The kernel writes blank, tab, newline and backslash of a name as three octal digits. */
function unescapeOctal(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
