/** Whether nothing good was heard of for too long, and whether somebody is to be told. */

/** When the good was last heard of, and when somebody was told that it was not, each if ever. */
export interface Heard {
  /** Since when somebody listens. */
  readonly since: string;
  readonly at: string | undefined;
  readonly toldAt: string | undefined;
}

/** Silence counts from what was heard last, and before that from when somebody began to listen. It is told again after each further limit. */
export function silenceOf(
  { since, at, toldAt }: Heard,
  limitMs: number,
  now: number,
): 'begun' | 'still' | 'over' | undefined {
  const silent = now - Date.parse(at ?? since) > limitMs;
  if (!silent) return toldAt === undefined ? undefined : 'over';
  if (toldAt === undefined) return 'begun';
  const told = now - Date.parse(toldAt);
  // A clock that was set back says nothing about when it was told.
  return told > Math.max(limitMs, 3_600_000) || told < 0 ? 'still' : undefined;
}
