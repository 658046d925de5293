import type { Asker } from '../host/asker.ts';

/** The name the kernel has; `unknown` and a gap where nobody tells. */
export async function captureHostname(asker: Asker): Promise<string> {
  return (await asker.file('/proc/sys/kernel/hostname', oneLine)) ?? 'unknown';
}

/** A file of one line. */
function oneLine(content: string): string {
  const line = content.trim();
  if (line === '' || line.includes('\n') || line.includes('\0')) throw new Error('not one line');
  return line;
}
