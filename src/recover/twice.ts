/** What is not done a second time by itself: the machine was recovered on these disks, or may run from them. */
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { sourceDigest } from '../layout/rebuild/document.ts';
import { marksOn, shortOf } from '../layout/rebuild/mark.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import type { Recovered } from '../point/point.ts';

export interface Again {
  readonly point: string;
  /** Somebody asked for just this point: that another was recovered here is no reason against it. */
  readonly isNamed: boolean;
  /** Recoveries of this host that are on record, the last first: for disks that had no room for a mark. */
  readonly recovered: AsyncIterable<Recovered> | Iterable<Recovered>;
}

/**
 * Of an unattended recovery: one has ended here, whoever did it and from whichever medium, and a medium that is left in the machine starts
 * it again, of a later point as it may be. One that was cut off is done again.
 *
 * @param here the machine as it is now
 * @returns what a person should know
 * @throws LifeboatError `recovered-before`
 */
export async function refuseTwice(
  here: Layout,
  { point, isNamed, recovered }: Again,
  host: Host,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const counts = (one: { readonly point: string }): boolean => !isNamed || one.point === point;
  const { marks } = await marksOn(disksOf(here), host, signal);
  const ended = [...marks.values()].flatMap((mark) => mark.recovered ?? []).find(counts);
  if (ended !== undefined) throw refused(ended.point);
  let unknown: string | undefined;
  for await (const one of recovered) {
    const { how, what, result, machine } = one;
    if (how !== 'recover' || what !== 'machine' || result === 'failed' || machine === undefined) continue;
    const where = placeOf(machine.disks, here);
    if (where === 'here' && counts(one)) throw refused(one.point);
    if (where === 'unknown' && counts(one))
      unknown ??= `point ${one.point} was recovered at ${one.at}, on disks that have neither serial number nor WWN: whether on these, only a mark on them would tell`;
  }
  return unknown === undefined ? [] : [unknown];
}

const refused = (point: string): LifeboatError =>
  new LifeboatError('recovered-before', `point ${point} was recovered here before: that is not done twice by itself`, {
    hint: 'Take the medium out, and start the machine. To recover it again all the same: lifeboat recover --map OLD=NEW',
  });

/** Whether it was on these very disks, as far as they can be told, and something is on them. */
function placeOf(disks: NonNullable<Recovered['machine']>['disks'], here: Layout): 'here' | 'elsewhere' | 'unknown' {
  const used = new Set(here.components.flatMap(({ on }) => on));
  const known = disks.filter(({ serial, wwn }) => serial !== undefined || wwn !== undefined);
  const isHere = ({ serial, wwn }: (typeof disks)[number]): boolean =>
    disksOf(here).some(
      (disk) => used.has(disk.id) && (serial === undefined ? disk.wwn === wwn : disk.serial === serial),
    );
  if (known.length === 0) return 'unknown';
  return known.every(isHere) ? 'here' : 'elsewhere';
}

/**
 * Of disks that were built and finished for this machine, whose proof was cut off or failed: a new attempt would take what was done on them since.
 *
 * @param whose `anybody` where nobody looks at the plan: what has run since may have been backed up since, and is another machine by its digest
 * @throws LifeboatError `refused`
 */
export async function refuseStartable(
  here: Layout,
  captured: Layout,
  whose: 'own' | 'anybody',
  host: Host,
  signal: AbortSignal,
): Promise<void> {
  const of = sourceDigest(captured);
  const { marks } = await marksOn(disksOf(here), host, signal);
  // Of one that came to its end the marks of some disks may not say so, as they are written one after the other.
  const ended = new Set([...marks.values()].flatMap(({ plan, recovered }) => (recovered === undefined ? [] : plan)));
  const disk = disksOf(here).find(({ id }) => {
    const mark = marks.get(id);
    if (mark?.startable !== true || ended.has(mark.plan)) return false;
    return whose === 'anybody' || mark.of === of;
  });
  const mark = disk && marks.get(disk.id);
  if (disk === undefined || mark === undefined) return;
  const there = new Set([...marks].flatMap(([id, one]) => (one.plan === mark.plan ? shortOf(id) : [])));
  const missing = mark.disks.filter((one) => !there.has(one)).length;
  const lacks =
    missing === 0 ? '' : `; of the disks that were built with it ${missing} ${missing === 1 ? 'is' : 'are'} not here`;
  const point = mark.filled === undefined ? '' : ` with the files of the point ${mark.filled.point}`;
  const name = mark.filled === undefined ? '' : ` --point ${mark.filled.point}`;
  throw new LifeboatError(
    'refused',
    `${disk.device} (${disk.id}) was built for this machine${point}, and it may have run since${lacks}`,
    {
      hint: `To finish and prove what is there: lifeboat recover${name} --from finalize. To build it anew, name the disk: --map OLD=NEW.`,
    },
  );
}
