/**
 * Which points are kept and which are forgotten, and why: a pure function of the points and the rules.
 *
 * Points count by when they arrived, by the clock of the target and in UTC, and never by how long ago that is: a clock that is
 * wrong today makes no point old. A point whose dates cannot be right is kept, and takes no other's place.
 */
import { isProven, type Trust } from './point.ts';
import type { ListedPoint } from './records.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** A backup may take as long as its steps may; the record comes last. */
const LONGEST_BACKUP = 8 * DAY;

export const ruleNames = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
export type RuleName = (typeof ruleNames)[number];

/** How many points, or hours, days, … with a point, are kept by each rule. */
export type Rules = Readonly<Partial<Record<RuleName, number>>> & {
  /** Never fewer verified points than that remain. */
  readonly minimum: number;
};

export interface Candidate {
  readonly id: string;
  readonly createdMs: number;
  readonly arrivedMs: number;
  readonly trust: Trust;
  /** Why it is pinned, if it is. */
  readonly pinned?: string;
  /** Ids of the points that it builds upon. */
  readonly references: readonly string[];
  /** Id of the newest point when it was made. */
  readonly after?: string;
}

export interface Decision {
  readonly id: string;
  readonly keep: boolean;
  /** At least one reason, either way. */
  readonly why: readonly string[];
}

/** @returns a decision on each point, in the order in which they arrived */
export function decide(points: readonly Candidate[], rules: Rules, nowMs: number): Decision[] {
  const newestFirst = points.toSorted((a, b) => b.arrivedMs - a.arrivedMs || (a.id < b.id ? 1 : -1));
  const byId = new Map(points.map((point) => [point.id, point]));
  const kept = new Map<string, string[]>();
  const keep = (id: string, why: string) => kept.set(id, [...(kept.get(id) ?? []), why]);
  const eligible = newestFirst.filter((point) => {
    const odd = implausible(point, byId, nowMs);
    if (point.pinned !== undefined) keep(point.id, `pinned: ${point.pinned}`);
    if (odd !== undefined) keep(point.id, odd);
    return point.pinned === undefined && odd === undefined;
  });
  for (const name of ruleNames) {
    for (const { id, bucket } of chosenBy(name, rules[name] ?? 0, eligible))
      keep(id, name === 'last' ? 'last' : `${name}: ${bucket}`);
  }
  const sound = eligible.filter(({ trust }) => trust !== 'damaged');
  const verified = sound.filter(({ trust }) => isProven(trust));
  if (sound[0]) keep(sound[0].id, 'the newest');
  if (verified[0]) keep(verified[0].id, 'the newest verified');
  // Where too few were verified, others are better than none.
  for (const group of [verified, sound]) {
    for (const { id } of group) {
      if (group.filter((point) => kept.has(point.id)).length >= rules.minimum) break;
      if (!kept.has(id)) keep(id, `minimum of ${rules.minimum}`);
    }
  }
  for (const { id, base } of basesOf(points, (point) => kept.has(point))) keep(base, `base of ${id}`);
  return newestFirst.toReversed().map(({ id, trust }) => {
    const why = kept.get(id);
    if (why !== undefined) return { id, keep: true, why };
    return { id, keep: false, why: [trust === 'damaged' ? 'damaged, and not needed' : 'no rule keeps it'] };
  });
}

/** Why the dates of points cannot be right, by id; those that can are left out. */
export function oddDates(points: readonly ListedPoint[], nowMs: number): Map<string, string> {
  const candidates = points.map(candidateOf);
  const byId = new Map(candidates.map((one) => [one.id, one]));
  const odd = candidates.map((one) => [one.id, implausible(one, byId, nowMs)] as const);
  return new Map(odd.flatMap(([id, why]) => (why === undefined ? [] : [[id, why]])));
}

export function candidateOf({ point, arrivedMs, trust, pin }: ListedPoint): Candidate {
  return {
    id: point.id,
    createdMs: Date.parse(point.createdAt),
    arrivedMs,
    trust,
    references: point.data.references,
    ...(point.after === undefined ? {} : { after: point.after }),
    ...(pin === undefined ? {} : { pinned: pin.reason }),
  };
}

/** Why the dates of a point cannot be right; `undefined` when they can. */
export function implausible(
  { createdMs, arrivedMs, references, after }: Pick<Candidate, 'createdMs' | 'arrivedMs' | 'references' | 'after'>,
  byId: ReadonlyMap<string, Pick<Candidate, 'arrivedMs'>>,
  nowMs: number,
): string | undefined {
  if (arrivedMs > nowMs + DAY) return `it arrived in the future, ${new Date(arrivedMs).toISOString()}`;
  if (createdMs > arrivedMs + DAY || arrivedMs > createdMs + LONGEST_BACKUP)
    return `its dates differ: made ${new Date(createdMs).toISOString()}, arrived ${new Date(arrivedMs).toISOString()}`;
  const isLater = (id: string) => (byId.get(id)?.arrivedMs ?? 0) > arrivedMs + DAY;
  if (after !== undefined && isLater(after)) return `it was made after ${after}, and arrived before it`;
  const later = references.find(isLater);
  return later === undefined ? undefined : `it arrived before its base ${later}`;
}

/**
 * Of each bucket of time its newest verified point, else its newest. Only buckets with a point that is not damaged count; a
 * damaged one is kept where the bucket has no other.
 */
function chosenBy(
  rule: RuleName,
  count: number,
  newestFirst: readonly Candidate[],
): { readonly id: string; readonly bucket: string }[] {
  const chosen: { id: string; bucket: string }[] = [];
  let counted = 0;
  for (const [bucket, points] of Map.groupBy(newestFirst, (point) => bucketOf(rule, point))) {
    if (counted >= count) break;
    const best =
      points.find(({ trust }) => isProven(trust)) ?? points.find(({ trust }) => trust !== 'damaged') ?? points[0];
    if (best === undefined) continue;
    if (best.trust !== 'damaged') counted += 1;
    chosen.push({ id: best.id, bucket });
  }
  return chosen;
}

function bucketOf(rule: RuleName, { id, arrivedMs }: Candidate): string {
  const text = new Date(arrivedMs).toISOString();
  switch (rule) {
    case 'last':
      return id;
    case 'hourly':
      return `${text.slice(0, 13)}:00Z`;
    case 'daily':
      return text.slice(0, 10);
    case 'weekly':
      return `week of ${mondayOf(arrivedMs)}`;
    case 'monthly':
      return text.slice(0, 7);
    case 'yearly':
      return text.slice(0, 4);
  }
}

/** The first day of 1970 was a Thursday. */
function mondayOf(ms: number): string {
  const day = Math.floor(ms / DAY);
  const sinceMonday = (((day + 3) % 7) + 7) % 7;
  return new Date((day - sinceMonday) * DAY).toISOString().slice(0, 10);
}

/** Every point that one of these builds upon, also by others, with one that does. */
export function basesOf(
  points: readonly Pick<Candidate, 'id' | 'references'>[],
  isKept: (id: string) => boolean,
): { readonly id: string; readonly base: string }[] {
  const byId = new Map(points.map((point) => [point.id, point]));
  const found = new Map<string, string>();
  const waiting = points.filter(({ id }) => isKept(id));
  for (let point = waiting.pop(); point !== undefined; point = waiting.pop()) {
    for (const base of point.references) {
      const known = byId.get(base);
      if (known === undefined || found.has(base)) continue;
      found.set(base, point.id);
      waiting.push(known);
    }
  }
  return [...found].map(([base, id]) => ({ id, base }));
}
