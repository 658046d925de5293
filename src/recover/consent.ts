/** What an unattended recovery may do: what every policy that applies agrees to. */
import { LifeboatError } from '../kernel/errors.ts';
import { printable } from '../kernel/text.ts';
import type { Plan } from '../layout/rebuild/document.ts';
import { outsidePolicy } from '../layout/rebuild/policy.ts';
import type { ConsentPolicy } from '../layout/rebuild/policy.ts';
import type { Vouched } from '../keys/signed.ts';

/** @throws LifeboatError `refused` with all that a person has to decide */
export function allowedUnattended(plan: Plan, policies: readonly (ConsentPolicy | 'ask')[]): void {
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

/**
 * What the configuration of the medium agrees to. Blank disks lose nothing, whoever wrote it; that others are named counts only where the host
 * itself did so. Where somebody changed it, or another stands in for one that was signed, a person is asked for everything.
 *
 * @param wasSigned there is a signature, or the medium says that there was
 */
export function configuredConsent(consent: ConsentPolicy, vouched: Vouched, wasSigned: boolean): ConsentPolicy | 'ask' {
  if (vouched === 'trusted') return consent;
  return vouched === 'unsigned' && !wasSigned && consent === 'blank-disks' ? consent : 'ask';
}
