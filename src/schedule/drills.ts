/** Whether somebody has to be told that no drill has passed for too long: as loudly as where there is no backup. */
import { parseDuration } from '../kernel/units.ts';
import type { Status } from '../notify/status.ts';
import { silenceOf } from './silence.ts';
import { type Notices, readNotices, writeNotices } from './state.ts';
import { tell, type Watch } from './telling.ts';

const next = 'See lifeboat status; lifeboat drill makes one now.';

/** Told when it begins, and again after each further time of that length. One that failed is told when it does, by its job. */
export async function judgeDrills(status: Status | undefined, watch: Watch, signal: AbortSignal): Promise<void> {
  const { config, self, now } = watch;
  const every = config.drill?.every;
  if (every === undefined) return;
  const notices = await readNotices(self.stateDir, new Date(now()));
  const { lastPassedDrill: _before, ...others } = notices;
  const passedAt = passedIn(status, notices);
  const known: Notices = { ...others, ...(passedAt === undefined ? {} : { lastPassedDrill: passedAt }) };
  const heard = { since: known.since, at: passedAt, toldAt: known.undrilledToldAt };
  const silence = silenceOf(heard, parseDuration(every), now());
  if (silence === 'begun' || silence === 'still') {
    const told = { ...known, undrilledToldAt: new Date(now()).toISOString() };
    const ageSeconds = passedAt === undefined ? null : Math.round((now() - Date.parse(passedAt)) / 1000);
    const drill = { everySeconds: parseDuration(every) / 1000, ageSeconds };
    const news = { event: 'undrilled', job: 'drill', drill, findings: [], drift: [], next } as const;
    await tell(news, { before: known, after: told }, status, watch, signal);
  } else if (silence === 'over') {
    const { undrilledToldAt: _told, ...over } = known;
    const well = { event: 'recovered', job: 'drill', findings: [], drift: [], next: 'Nothing.' } as const;
    await tell(well, { before: known, after: over }, status, watch, signal);
  } else await writeNotices(self.stateDir, known);
}

/** What was known when the repository could last be read counts until it can be read again. */
function passedIn(status: Status | undefined, { lastPassedDrill }: Notices): string | undefined {
  return status?.points === undefined ? lastPassedDrill : status.drill?.passedAt;
}
