/** Layers of the rescue system: filesystems that are read only, compressed, and the same bytes for the same files. */
import type { Tools } from './tools.ts';

export interface LayerOptions {
  /** 1 to 22: what is packed once takes more time than what is packed for each medium. */
  readonly level: number;
}

/** @throws LifeboatError `command-failed`, as for a disk that is full */
export async function packLayer(
  tools: Tools,
  directory: string,
  file: string,
  { level }: LayerOptions,
  signal: AbortSignal,
): Promise<void> {
  await tools.run(
    'mksquashfs',
    [
      directory,
      file,
      '-noappend',
      '-quiet',
      '-no-progress',
      '-all-root',
      '-no-xattrs',
      '-comp',
      'zstd',
      '-Xcompression-level',
      String(level),
      '-b',
      '1M',
      '-mkfs-time',
      '0',
      '-all-time',
      '0',
    ],
    { timeoutMs: 3_600_000 },
    signal,
  );
}
