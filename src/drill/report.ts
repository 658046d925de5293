/** What came of a drill: the document `lifeboat.drill/1`. */
import { z } from 'zod';
import { drillResults, provenSchema } from '../point/point.ts';
import { phaseSchema } from './clock.ts';

export const DRILL_FORMAT = 'lifeboat.drill/1';

const checkSchema = z.object({
  name: z.string(),
  passed: z.boolean(),
  detail: z.string(),
});

/** Something that was looked at in the machine that had booted. */
export type Check = z.infer<typeof checkSchema>;

const machineSchema = z.object({
  firmware: z.string(),
  accelerator: z.string(),
  memoryMiB: z.number(),
  cpus: z.number(),
  disks: z.array(
    z.object({ of: z.string(), serial: z.string(), bus: z.string(), sizeBytes: z.number(), sectorSize: z.number() }),
  ),
  cards: z.array(z.object({ mac: z.string().exactOptional(), model: z.string() })),
  /** What is not as it was recorded. */
  notes: z.array(z.string()),
  /** Of all its processors. */
  cpuSeconds: z.number(),
});

export const reportSchema = z.object({
  format: z.literal(DRILL_FORMAT),
  what: z.enum(['machine', 'files']),
  host: z.string(),
  point: z.string(),
  pointMadeAt: z.iso.datetime(),
  repository: z.string(),
  version: z.string(),
  at: z.iso.datetime(),
  /** `unchecked`: what was looked at is well, and not all was looked at. */
  result: z.enum(drillResults),
  /** Why it failed. */
  problem: z.string().exactOptional(),
  /** Names of what should have been looked at, and was not. */
  unchecked: z.array(z.string()).exactOptional(),
  /** The measured RTO: from power-on to the login, without what only a drill does. What was spent until it failed, where it did. */
  seconds: z.number(),
  /** How old the point was when it began. */
  rpoSeconds: z.number(),
  phases: z.array(phaseSchema),
  medium: z.object({ id: z.string(), digest: z.string(), kernel: z.string() }).exactOptional(),
  machine: machineSchema.exactOptional(),
  /** What the recovery in the machine says of itself; all of it is in `recovery.json`. */
  recovery: z
    .object({ plan: z.string().exactOptional(), result: z.string(), proof: provenSchema.exactOptional() })
    .exactOptional(),
  checks: z.array(checkSchema),
  /** SHA-256 of the files beside this one, by their names. */
  evidence: z.record(z.string(), z.string()),
});

export type DrillReport = z.output<typeof reportSchema>;
