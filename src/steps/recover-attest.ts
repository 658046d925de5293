/** What goes on record of a recovery that came to its end. Pure. */
import { present } from '../kernel/present.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import { ATTESTATION_FORMAT, type Recovered } from '../point/point.ts';
import type { Proof } from '../prove/proof.ts';
import { countsOf, problemOf } from '../prove/prove.ts';
import { does } from '../recover/request.ts';
import type { State } from './define.ts';

export type Ended = Pick<
  State,
  'point' | 'hostName' | 'version' | 'begun' | 'phases' | 'proof' | 'newRoot' | 'layoutPlan' | 'recoverRequest'
>;

/** @param at when it ended */
export function attestationOf(state: Ended, at: string, run: string): Recovered {
  const { point, hostName, version, begun, phases, proof, newRoot, layoutPlan, recoverRequest } = state;
  const secondsSince = (from: string, to: string): number => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
  // Of what earlier attempts took, and whether the disks became as planned, this one knows nothing.
  const isWhole = (['recreate', 'restore'] as const).every((part) => does(recoverRequest, part));
  const unchecked = [...(isWhole ? [] : ['time']), ...(layoutPlan.disks.length > 0 ? [] : ['storage'])];
  return {
    format: ATTESTATION_FORMAT,
    point: point.id,
    at,
    by: { host: hostName, version, run },
    kind: 'recovered',
    how: 'recover',
    what: 'machine',
    ...verdictOf(proof, unchecked),
    ...(isWhole ? { seconds: secondsSince(begun, at) } : {}),
    rpoSeconds: secondsSince(point.createdAt, begun),
    phases: [...phases],
    ...(proof === null ? {} : { proof: countsOf(proof), ...present({ problem: problemOf(proof) }) }),
    machine: {
      firmware: newRoot.firmware,
      disks: disksOf(layoutPlan.layout).map(({ sizeBytes, serial, wwn }) => ({
        sizeBytes,
        ...present({ serial, wwn }),
      })),
      ...present({ medium: recoverRequest.medium }),
    },
  };
}

/** What was gone on with is no whole recovery, however well its end is. */
function verdictOf(proof: Proof | null, unchecked: readonly string[]): Pick<Recovered, 'result' | 'unchecked'> {
  if (proof === null || proof.result === 'failed') return { result: 'failed' };
  return unchecked.length === 0 ? { result: proof.result } : { result: 'unchecked', unchecked: [...unchecked] };
}
