/** What the program outside of a machine's namespaces tells the one inside. */
import { z } from 'zod';

export const orderSchema = z.strictObject({
  release: z.string(),
  trees: z.string(),
  /** Packages that its tree has besides those of every tree. */
  packages: z.array(z.string()).default([]),
  /** Disks of this machine that lsblk may show. */
  shown: z.array(z.string()),
  /** A directory for the recording; without it none is made. */
  out: z.string().optional(),
  /** A directory for outputs of all tools; without it they are not asked. */
  raw: z.string().optional(),
  /** Says `ready` when the machine stands, and keeps it until standard input ends. */
  hold: z.boolean().optional(),
});

export type Order = z.input<typeof orderSchema>;
