/** A point as a command names it. */
import { asLifeboatError } from '../kernel/errors.ts';
import type { Config } from '../config/schema.ts';
import type { EngineRepository } from '../point/catalogue.ts';
import type { Captures } from '../point/captures.ts';
import { findPoint } from '../point/find.ts';
import { disputeHint, disputeText, madeLater } from '../point/latest.ts';
import { localRecords } from '../point/local-records.ts';
import { type Missing, missingFindings, missingRecords } from '../point/missing.ts';
import { type ListedPoint, readCaptures } from '../point/records.ts';
import { checkSameRepository } from '../point/same-repository.ts';
import { type OpenRepository, openConfigured } from '../steps/repository.ts';
import { hostNameOf } from './requests.ts';
import type { Session } from './session.ts';

/**
 * What the list of points does not show by itself: what is missing in it, and that its order is not certain.
 *
 * @param ids of the list, in its order
 */
export async function listFindings(
  repository: OpenRepository,
  hostName: string,
  stateDir: string,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Missing[]> {
  const local = localRecords(stateDir, repository.id, hostName);
  const missing = await missingRecords(repository, hostName, local, signal);
  const other = await otherRepository(repository, stateDir);
  const lost = ids.length === 0 ? await dataWithoutRecord(repository, hostName, signal) : [];
  const latest = ids.at(-1) ?? '';
  const later = madeLater(latest, ids, Date.now());
  const dispute = { subject: 'latest', problem: disputeText(latest, later ?? ''), hint: disputeHint };
  return [...other, ...lost, ...missingFindings(missing, local), ...(later === undefined ? [] : [dispute])];
}

async function otherRepository({ target, id }: OpenRepository, stateDir: string): Promise<Missing[]> {
  try {
    await checkSameRepository(stateDir, { url: target.url, id });
    return [];
  } catch (error) {
    const { code, message, hint = '' } = asLifeboatError(error);
    if (code !== 'untrusted') throw error;
    return [{ subject: 'repository', problem: message, hint }];
  }
}

/** Where nothing is on record at all, but data is there. */
async function dataWithoutRecord(
  { target, engine }: EngineRepository,
  hostName: string,
  signal: AbortSignal,
): Promise<Missing[]> {
  const found = new Set<string>();
  for await (const { pointId } of engine.stored({ target, hostName }, signal)) found.add(pointId);
  if (found.size === 0) return [];
  const problem = `none is on record, but data of ${found.size} is there`;
  return [{ subject: 'points', problem, hint: 'If records were lost: lifeboat points repair --dry-run' }];
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
