/** Images of disks, by qemu-img. */
import { z } from 'zod';
import type { Host, RunResult } from '../host/host.ts';
import type { Qemu } from './program.ts';

export interface Images {
  /** An empty image of so many bytes, which takes room only as it is written to. */
  create(file: string, bytes: number, signal: AbortSignal): Promise<void>;
  /** An image that holds only what differs from another, which must not change any more. */
  overlay(file: string, base: Base, signal: AbortSignal): Promise<void>;
  /** A copy in qcow2. */
  convert(file: string, base: Base, signal: AbortSignal): Promise<void>;
  info(file: string, signal: AbortSignal): Promise<ImageInfo>;
}

/** An image that another is made of. */
export interface Base {
  readonly file: string;
  readonly format: 'qcow2' | 'raw';
}

const infoSchema = z
  .object({
    format: z.string(),
    'virtual-size': z.number(),
    'actual-size': z.number(),
    snapshots: z.array(z.object({ name: z.string() })).default([]),
  })
  .transform((said) => ({
    format: said.format,
    /** Of the disk as the guest sees it. */
    bytes: said['virtual-size'],
    /** What the image takes. */
    bytesUsed: said['actual-size'],
    snapshots: said.snapshots.map(({ name }) => name),
  }));

export type ImageInfo = z.infer<typeof infoSchema>;

export function imagesOf(qemu: Qemu, host: Host): Images {
  const run = async (args: readonly string[], signal: AbortSignal): Promise<RunResult> =>
    await host.run([...qemu.argv('qemu-img'), ...args], { env: qemu.env, timeoutMs: 600_000 }, signal);
  return {
    async create(file, bytes, signal) {
      await run(['create', '-q', '-f', 'qcow2', '--', file, String(bytes)], signal);
    },
    async overlay(file, base, signal) {
      await run(['create', '-q', '-f', 'qcow2', '-b', base.file, '-F', base.format, '--', file], signal);
    },
    async convert(file, base, signal) {
      await run(['convert', '-q', '-f', base.format, '-O', 'qcow2', '--', base.file, file], signal);
    },
    async info(file, signal) {
      // "--force-share": also while a machine has it open.
      const { stdout } = await run(['info', '--output=json', '--force-share', '--', file], signal);
      return infoSchema.parse(JSON.parse(stdout.toString()));
    },
  };
}
