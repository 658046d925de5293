/** What an unattended recovery may carry out without asking: a pure function of the plan. */
import { z } from 'zod';
import type { Plan } from './document.ts';
import type { Disk } from './match.ts';

export const policySchema = z.union([
  /** Disks on which nothing at all is. */
  z.literal('blank-disks'),
  /** These and no others, whatever is on them: by serial number or WWN, or by where they are plugged in. */
  z.strictObject({
    serials: z.array(z.string()).readonly().default([]),
    slots: z.array(z.string()).readonly().default([]),
  }),
]);

export type ConsentPolicy = z.infer<typeof policySchema>;

/**
 * Why a plan has to wait for a person: a disk that is not blank, that was only guessed, or that a policy which names disks does not name.
 *
 * @returns nothing where it may be carried out
 */
export function outsidePolicy({ disks, layout }: Plan, policy: ConsentPolicy): readonly string[] {
  return disks.flatMap(({ id, device, blank, certainty }) => {
    const name = `${device} (${id})`;
    if (policy !== 'blank-disks') {
      const disk = layout.components.find((one): one is Disk => one.kind === 'disk' && one.id === id);
      return disk !== undefined && isNamedBy(policy, disk) ? [] : [`the policy does not name the disk ${name}`];
    }
    if (!blank) return [`something is on the disk ${name}, and the policy is to take blank ones`];
    if (certainty === 'likely') {
      return [`the disk ${name} is only the most alike, and another would give something else`];
    }
    return [];
  });
}

/** Whether a policy that names disks names this one. */
export function isNamedBy(policy: Exclude<ConsentPolicy, string>, { serial, wwn, busPath }: Disk): boolean {
  const isIn = (list: readonly string[], name: string | undefined): boolean =>
    name !== undefined && list.includes(name);
  return isIn(policy.serials, serial) || isIn(policy.serials, wwn) || isIn(policy.slots, busPath);
}
