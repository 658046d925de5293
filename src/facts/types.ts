/** The document `lifeboat.facts/1`: what a host is, apart from storage and network. */
import { z } from 'zod';
import { gapSchema } from '../host/gap.ts';
import { checkDocument } from '../kernel/document.ts';

export const factsFormat = 'lifeboat.facts/1';

export const factsSchema = z.object({
  format: z.literal(factsFormat),
  capturedAt: z.iso.datetime(),
  hostname: z.string(),
  machineId: z.string().exactOptional(),
  osRelease: z.object({
    id: z.string(),
    /** Rolling distributions have none. */
    versionId: z.string().exactOptional(),
    prettyName: z.string(),
  }),
  kernel: z.string(),
  /** As `uname -m` has it. */
  architecture: z.string(),
  cpuCount: z.number().int().nonnegative(),
  cpuModel: z.string().exactOptional(),
  memoryBytes: z.number().nonnegative(),
  firmware: z.enum(['uefi', 'bios', 'unknown']),
  /** As `systemd-detect-virt` has it; absent on bare metal and where nobody tells. */
  virtualization: z.string().exactOptional(),
  /** Installed packages by manager. */
  packages: z.partialRecord(z.enum(['dpkg', 'rpm', 'pacman', 'apk']), z.number().int()),
  gaps: z.array(gapSchema),
});

export type Facts = z.infer<typeof factsSchema>;
/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseFacts(value: unknown): Facts {
  return checkDocument(value, factsSchema, factsFormat, 'the facts');
}
