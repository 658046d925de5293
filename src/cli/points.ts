/** A point as a command names it. */
import type { Config } from '../config/schema.ts';
import type { Captures } from '../point/point.ts';
import { findPoint } from '../point/find.ts';
import { type ListedPoint, readCaptures } from '../point/records.ts';
import { openConfigured } from '../steps/repository.ts';
import { hostNameOf } from './requests.ts';
import type { Session } from './session.ts';

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
