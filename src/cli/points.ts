/** A point as a command names it. */
import type { Config } from '../config/schema.ts';
import type { Captures } from '../point/point.ts';
import { findPoint } from '../point/find.ts';
import { disputeHint, disputeText, madeLater } from '../point/latest.ts';
import type { LocalRecords } from '../point/local-records.ts';
import { type Missing, missingFindings, missingRecords } from '../point/missing.ts';
import type { Repository } from '../point/record-objects.ts';
import { type ListedPoint, readCaptures } from '../point/records.ts';
import { openConfigured } from '../steps/repository.ts';
import { hostNameOf } from './requests.ts';
import type { Session } from './session.ts';

/**
 * What the list of points does not show by itself: what is missing in it, and that its order is not certain.
 *
 * @param ids of the list, in its order
 */
export async function listFindings(
  repository: Repository,
  hostName: string,
  local: LocalRecords,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Missing[]> {
  const missing = await missingRecords(repository, hostName, local, signal);
  const latest = ids.at(-1) ?? '';
  const later = madeLater(latest, ids, Date.now());
  const dispute = { subject: 'latest', problem: disputeText(latest, later ?? ''), hint: disputeHint };
  return [...missingFindings(missing, local), ...(later === undefined ? [] : [dispute])];
}

/** A point with how its host was then. */
export interface WholePoint extends ListedPoint {
  readonly captures: Captures;
}

/** @throws LifeboatError as `findPoint`; `record-damaged` when its captures are not those on record */
export async function wholePoint(
  config: Config,
  name: string,
  { host, opening, signal }: Session,
): Promise<WholePoint> {
  await using repository = await openConfigured(config, opening, signal);
  const found = await findPoint(repository, await hostNameOf(config, host, signal), name, signal);
  return { ...found, captures: await readCaptures(repository, found.point, signal) };
}
