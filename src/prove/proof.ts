/** What was proven of a recovered machine: every file against its point, the storage against its plan, the way it boots, and what it mounts. */
import { z } from 'zod';
import { risks } from '../kernel/change.ts';

const finding = z.object({ subject: z.string(), problem: z.string() });

const changeSchema = z.object({
  subject: z.string(),
  change: z.enum(['added', 'removed', 'changed']),
  attribute: z.string().exactOptional(),
  risk: z.enum(risks),
  text: z.string(),
});

const filesProofSchema = z.object({
  /** Entries of the point that should be there. */
  total: z.number(),
  /** Files whose content was read from disk and hashed, and their bytes. */
  checked: z.number(),
  bytes: z.number(),
  /** Files with content, and their bytes: what {@link checked} is out of. */
  files: z.number(),
  fileBytes: z.number(),
  /** Content was read of some only, because all of it would have taken longer than it might; all else was compared of every entry. */
  sampled: z.boolean(),
  /** By what rule, where it was sampled. */
  rule: z.string().exactOptional(),
  /** How many entries are different or missing; of which the first are named below. */
  wrong: z.number(),
  different: z.array(z.object({ path: z.string(), differences: z.array(z.string()) })),
  missing: z.array(z.string()),
  /** There, and not in the point: told, and no failure. */
  extra: z.number(),
  extraPaths: z.array(z.string()),
  /** Entries that were changed on purpose after they were restored, and that were not compared. */
  changedOnPurpose: z.number(),
  /** Entries that were not to be restored. */
  leftOut: z.number(),
  /** Entries at places over which the running system has mounted something of its own, such as /proc. */
  hidden: z.number(),
});

export const proofSchema = z.object({
  files: filesProofSchema,
  /** The storage as it is, against the plan. */
  graph: z.array(changeSchema),
  /** Why it would not boot. */
  boot: z.array(finding),
  /** What it would not mount. */
  mounts: z.array(finding),
  /** What was looked at and is right, a line for each; and what makes nothing worse. */
  notes: z.array(z.string()),
  result: z.enum(['passed', 'sampled', 'failed']),
});

export type Proof = z.infer<typeof proofSchema>;
export type FilesProof = z.infer<typeof filesProofSchema>;

/** `sampled` is said only where nothing that was looked at was wrong. */
export function resultOf({ files, graph, boot, mounts }: Omit<Proof, 'result'>): Proof['result'] {
  if (files.wrong > 0 || graph.length > 0 || boot.length > 0 || mounts.length > 0) return 'failed';
  return files.sampled ? 'sampled' : 'passed';
}
