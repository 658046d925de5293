/**
 * Time as clocks on the wall of a time zone show it. A wall time is a number like an instant: milliseconds that, read as
 * UTC, give what the clock shows.
 */

const hour = 3_600_000;
/** Wider than any change of a clock, that of a day at the date line included. */
const around = 36 * hour;

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(zone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formatters.set(zone, formatter);
  }
  return formatter;
}

/** The time zone of this system. */
export function systemZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** What the clocks in `zone` show at an instant. */
export function wallOf(instant: number, zone: string): number {
  const of: Record<string, number> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(instant)) of[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour: h = 0, minute = 0, second = 0 } = of;
  return Date.UTC(year, month - 1, day, h, minute, second) + (((instant % 1000) + 1000) % 1000);
}

/** How far the clocks in `zone` are ahead, when that is the same from long before a span until long after it. */
export function steadyOffset(fromWall: number, toWall: number, zone: string): number | undefined {
  const before = fromWall - around;
  const offset = wallOf(before, zone) - before;
  const after = toWall + around;
  return wallOf(after, zone) - after === offset ? offset : undefined;
}

/**
 * When the clocks show `wall`: once as a rule, twice in an hour that is repeated. For an hour that is left out, `skipped`
 * is the instant at which they jump over it.
 */
export function instantsOf(wall: number, zone: string): { readonly at: readonly number[]; readonly skipped?: number } {
  const offset = (instant: number) => wallOf(instant, zone) - instant;
  const before = wall - around;
  const after = wall + around;
  const candidates = new Set([wall - offset(before), wall - offset(after)]);
  const at = [...candidates].filter((instant) => wallOf(instant, zone) === wall).sort((a, b) => a - b);
  if (at.length > 0) return { at };
  // The first instant whose wall time is later than the one that there is not.
  let low = before - around;
  let high = after + around;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (wallOf(middle, zone) > wall) high = middle;
    else low = middle;
  }
  return { at: [], skipped: high };
}
