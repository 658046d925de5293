/** What an unattended recovery may do: what every policy that applies agrees to. */
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { outsidePolicy } from '../layout/rebuild/policy.ts';
import type { Unattended } from './request.ts';

/** @throws LifeboatError `refused` with all that a person has to decide */
export function allowedUnattended(plan: Plan, { policies }: Unattended): void {
  const reasons = policies.flatMap((policy) =>
    policy === 'ask' ? ['a person has to be asked, as the policy says'] : outsidePolicy(plan, policy),
  );
  if (reasons.length === 0) return;
  throw new LifeboatError(
    'refused',
    `nobody is here to agree to this plan: ${printable([...new Set(reasons)].join('; '))}`,
    {
      hint: 'Nothing was touched. Look at the plan and agree to it at the terminal: lifeboat recover',
    },
  );
}
