/** What an unattended recovery may carry out without asking: a pure function of the plan. */
import { z } from 'zod';
import type { Plan } from './document.ts';
import type { Disk } from './match.ts';

export const policySchema = z.union([
  /** Disks on which nothing at all is. */
  z.literal('blank-disks'),
  /** Blank ones, and these whatever is on them: by serial number or WWN, or by where they are plugged in. */
  z.strictObject({ serials: z.array(z.string()).default([]), slots: z.array(z.string()).default([]) }),
]);

export type ConsentPolicy = z.infer<typeof policySchema>;

/**
 * Why a plan has to wait for a person: a disk with something on it that the policy does not name, or one that was only guessed.
 *
 * @returns nothing where it may be carried out
 */
export function outsidePolicy({ disks, layout }: Plan, policy: ConsentPolicy): readonly string[] {
  return disks.flatMap(({ id, device, blank, certainty }) => {
    const disk = layout.components.find((one): one is Disk => one.kind === 'disk' && one.id === id);
    const isNamed = disk !== undefined && names(policy, disk);
    const name = `${device} (${id})`;
    if (!blank && !isNamed) return [`something is on the disk ${name}, and the policy does not name it`];
    if (certainty === 'likely' && !isNamed)
      return [`the disk ${name} is only the most alike, and another would give something else`];
    return [];
  });
}

function names(policy: ConsentPolicy, { serial, wwn, busPath }: Disk): boolean {
  if (policy === 'blank-disks') return false;
  const isIn = (list: readonly string[], name: string | undefined): boolean =>
    name !== undefined && list.includes(name);
  return isIn(policy.serials, serial) || isIn(policy.serials, wwn) || isIn(policy.slots, busPath);
}
