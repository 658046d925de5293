/**
 * The document `lifeboat.facts/1`: what a host is, apart from storage and network. Sections that are absent were not seen,
 * or the document was written before lifeboat looked for them.
 */
import { z } from 'zod';
import { gapSchema } from '../host/gap.ts';
import { checkDocument } from '../kernel/document.ts';
import { containerSchema } from './container.ts';
import { cpuSchema } from './cpu.ts';
import { cronSchema } from './cron.ts';
import { dmiSchema } from './dmi.ts';
import { guestSchema } from './guest.ts';
import { imageSchema } from './image.ts';
import { cgroupSchema, securitySchema } from './kernel.ts';
import { memorySchema } from './memory.ts';
import { moduleSchema } from './modules.ts';
import { numaSchema } from './numa.ts';
import { packagesSchema } from './packages.ts';
import { portSchema } from './ports.ts';
import { servicesSchema } from './services.ts';
import { osReleaseSchema } from './system.ts';
import { timerSchema } from './timers.ts';
import { userSchema } from './users.ts';

export const factsFormat = 'lifeboat.facts/1';

export const factsSchema = z.object({
  format: z.literal(factsFormat),
  capturedAt: z.iso.datetime(),
  hostname: z.string(),
  machineId: z.string().exactOptional(),
  osRelease: osReleaseSchema,
  /** The one that runs. */
  kernel: z.string(),
  kernelCommandLine: z.string().exactOptional(),
  /** Releases that are installed with their modules. */
  kernels: z.array(z.string()).exactOptional(),
  /** As `uname -m` has it. */
  architecture: z.string(),
  /** Online processors as the scheduler sees them. */
  cpuCount: z.number().int().nonnegative(),
  cpuModel: z.string().exactOptional(),
  cpu: cpuSchema.exactOptional(),
  /** Empty where the kernel knows none. */
  numa: numaSchema.exactOptional(),
  /** What the kernel manages. */
  memoryBytes: z.number().nonnegative(),
  memory: memorySchema.exactOptional(),
  firmware: z.enum(['uefi', 'bios', 'unknown']),
  /** As `systemd-detect-virt` has it; absent on bare metal and where nobody tells. */
  virtualization: z.string().exactOptional(),
  dmi: dmiSchema.exactOptional(),
  cgroup: cgroupSchema.exactOptional(),
  security: securitySchema.exactOptional(),
  modules: z.array(moduleSchema).exactOptional(),
  /** A name of the database of zones, or the rule of one without a name. */
  timeZone: z.string().exactOptional(),
  /** Of the machine's own files, those who can log in. */
  users: z.array(userSchema).exactOptional(),
  services: servicesSchema.exactOptional(),
  timers: z.array(timerSchema).exactOptional(),
  cron: z.array(cronSchema).exactOptional(),
  ports: z.array(portSchema).exactOptional(),
  /** Installed packages by manager. */
  packages: packagesSchema,
  containers: z.array(containerSchema).exactOptional(),
  guests: z.array(guestSchema).exactOptional(),
  /** Of a system that is delivered as an image. */
  image: imageSchema.exactOptional(),
  /** Fingerprint by which the ssh server of its rescue media is known; absent where none was made. */
  rescueKey: z.string().exactOptional(),
  gaps: z.array(gapSchema),
});

export type Facts = z.infer<typeof factsSchema>;

/** @throws LifeboatError `newer-format`, `record-damaged` */
export function parseFacts(value: unknown): Facts {
  return checkDocument(value, factsSchema, factsFormat, 'the facts');
}
