/** Layers of the rescue system: filesystems that are read only, compressed, and the same bytes for the same files. */
import type { Tools } from './tools.ts';

export interface LayerOptions {
  /** What is packed once is to be small, and what is packed for each medium takes seconds. */
  readonly packed: 'once' | 'often';
}

const compression: Readonly<Record<LayerOptions['packed'], readonly string[]>> = {
  once: ['-comp', 'xz', '-Xbcj', 'x86', '-Xdict-size', '100%'],
  often: ['-comp', 'zstd', '-Xcompression-level', '6'],
};

/** @throws LifeboatError `command-failed`, as for a disk that is full */
export async function packLayer(
  tools: Tools,
  directory: string,
  file: string,
  { packed }: LayerOptions,
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
      ...compression[packed],
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
