/** A point as a command names it. */
import type { Config } from '../config/schema.ts';
import { findPoint, type ListedPoint } from '../point/records.ts';
import { openConfigured } from '../steps/repository.ts';
import { hostNameOf } from './requests.ts';
import type { Session } from './session.ts';

/** @throws LifeboatError `not-found`, …: as `findPoint` */
export async function namedPoint(
  config: Config,
  name: string,
  { host, opening, signal }: Session,
): Promise<ListedPoint> {
  await using repository = await openConfigured(config, opening, signal);
  return await findPoint(repository.target, await hostNameOf(config, host, signal), name, signal);
}
