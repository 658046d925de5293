/** The part of the configuration that is about an unattended recovery: what it may do, and how it ends. */
import { z } from 'zod';

const names = z.array(z.string().min(1, 'is empty')).readonly();

export const recoverSchema = z.strictObject({
  /** Disks on which nothing is, or these and no others, whatever is on them. */
  consent: z
    .union(
      [z.literal('blank-disks'), z.strictObject({ serials: names.default([]), slots: names.default([]) })],
      'is neither blank-disks nor serials and slots of disks',
    )
    .default('blank-disks'),
  after: z.enum(['reboot', 'poweroff'], 'is neither reboot nor poweroff').default('reboot'),
  /** Where points are looked for when the repository does not answer. */
  repositories: z
    .array(
      z
        .string()
        .refine((text) => text.startsWith('/') || /^[a-z][a-z0-9+.-]*:./i.test(text), 'is not the URL of a repository'),
    )
    .default([])
    .readonly(),
});
