/** Many small files by one process. */
import type { Asker } from '../../host/asker.ts';

const record = /([^\0]*)\0([^\n]*)(?:\n|$)/gy;

/** Content by path, out of what `grep -HZ` prints; files that are empty or not there are not in it. */
export function parseContents(stdout: string): Map<string, string> {
  const parts = new Map<string, string[]>();
  for (const [, path = '', line = ''] of stdout.matchAll(record)) {
    const lines = parts.get(path);
    if (lines === undefined) parts.set(path, [line]);
    else lines.push(line);
  }
  return new Map([...parts].map(([path, lines]) => [path, lines.join('\n')]));
}

/**
 * @param subject names the gap when nothing at all could be asked
 * @param pattern of the lines that are wanted. @default all
 */
export async function contentsOf(
  asker: Asker,
  subject: string,
  paths: readonly string[],
  pattern = '',
): Promise<ReadonlyMap<string, string>> {
  if (paths.length === 0) return new Map();
  const found = await asker.ask({
    argv: ['grep', '-aHZsE', pattern, '--', ...paths],
    // Some of them are missing on most kernels.
    okCodes: [0, 1, 2],
    parse: parseContents,
    subject,
  });
  return found ?? new Map();
}
