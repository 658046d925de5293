/** What `lifeboat status` says of a host, `lifeboat.status/1`: read by the scheduler, by metrics and by notices. */
import { z } from 'zod';

export const STATUS_FORMAT = 'lifeboat.status/1';

const instant = z.iso.datetime();

const agedPoint = z.object({
  id: z.string(),
  createdAt: instant,
  /** By the clock of the storage. */
  arrivedAt: instant,
  ageSeconds: z.number(),
  trust: z.enum(['stored', 'read-back', 'recovered', 'damaged']),
  bytes: z.number(),
  storedBytes: z.number(),
});

const lastDrill = z.object({
  point: z.string(),
  at: instant,
  ageSeconds: z.number(),
  /** A drill, or a recovery of the machine itself. */
  how: z.enum(['drill', 'recover']),
  what: z.enum(['machine', 'files']),
  result: z.enum(['passed', 'sampled', 'unchecked', 'failed']),
  problem: z.string().exactOptional(),
  /** Measured; absent where it was not. */
  rtoSeconds: z.number().exactOptional(),
  rpoSeconds: z.number(),
});

const lastRun = z.object({
  startedAt: instant,
  endedAt: instant.exactOptional(),
  outcome: z.enum(['running', 'done', 'incomplete', 'difference', 'failed', 'killed', 'missed', 'overlapped']),
  exitStatus: z.number().exactOptional(),
  run: z.string().exactOptional(),
  problem: z.string().exactOptional(),
});

export const statusSchema = z.object({
  format: z.literal(STATUS_FORMAT),
  host: z.string(),
  at: instant,
  repository: z.string(),
  /** Everything is proven: no finding. */
  green: z.boolean(),
  /** Absent where the repository could not be read. */
  points: z.number().exactOptional(),
  newest: agedPoint.exactOptional(),
  newestVerified: agedPoint.exactOptional(),
  rpo: z.object({ targetSeconds: z.number(), met: z.boolean() }).exactOptional(),
  /** In a virtual machine, however it went; `null` where there was none, or nobody could read of it. */
  lastDrill: lastDrill.nullable(),
  /** The last of these that did not fail. */
  lastPassedDrill: lastDrill.exactOptional(),
  /** Of the files alone. */
  lastFilesDrill: lastDrill.exactOptional(),
  lastPassedFilesDrill: lastDrill.exactOptional(),
  /** Of the machine itself. */
  lastRecovery: lastDrill.exactOptional(),
  /** How old the last one may be that passed, and when it did. */
  drill: z.object({ targetSeconds: z.number(), met: z.boolean(), passedAt: instant.exactOptional() }).exactOptional(),
  /** How long a recovery may take, and whether the last drill that passed took no longer. */
  rto: z.object({ targetSeconds: z.number(), met: z.boolean() }).exactOptional(),
  /** Whether it was proven that the recovery code opens the repository. */
  recovery: z.enum(['proven', 'unproven', 'no-key']),
  jobs: z.array(
    z.object({
      name: z.string(),
      cron: z.string(),
      timeZone: z.string(),
      next: instant,
      last: lastRun.exactOptional(),
    }),
  ),
  unfinishedRuns: z.array(z.string()),
  findings: z.array(z.object({ subject: z.string(), problem: z.string(), hint: z.string().exactOptional() })),
});

export type Status = z.infer<typeof statusSchema>;
export type AgedPoint = z.infer<typeof agedPoint>;
export type LastDrill = z.infer<typeof lastDrill>;
export type LastRun = z.infer<typeof lastRun>;
