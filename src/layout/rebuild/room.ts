/** How components share the room that they stand on: what the space solver has to know of each kind. */

/** Bytes that something needs of what it stands on. */
export interface Need {
  /** Below this what it holds does not fit. */
  readonly least: number;
  /** What it had when it was captured. */
  readonly usual: number;
  /** Whether it takes more where there is more. */
  readonly grows: boolean;
}

/** Room that something has on what it stands on. */
export interface Share {
  readonly bytes: number;
  /** Where it begins; of what lies one behind the other. */
  readonly startBytes?: number;
}

/** What one component gets, and what that leaves. */
export interface Fitted<C> {
  /** It, in its new size. */
  readonly component: C;
  /** For each thing that stands on it, in their order. */
  readonly left: readonly Share[];
}

/** Something that stands on a component, and what it needs of it. */
export interface Above<C> {
  readonly component: C;
  readonly need: Need;
}

/** A component that another stands on. */
export interface Below {
  /** The most that it can give. */
  readonly limit: number;
  /** What it gave when it was captured. */
  readonly gave: number;
}

/** @typeParam C the kind; @typeParam A what may stand on it */
export interface Room<C, A = unknown> {
  /**
   * What it needs of each component that it stands on, in the order of `on`, so that all that stands on it has what it needs.
   *
   * @param below what it stands on, for one that spreads over several. `undefined` before anything is known of it: then only what
   *   cannot be elsewhere is asked for
   */
  needs(component: C, above: readonly Above<A>[], below: readonly Below[] | undefined): readonly Need[];
  /** The most that each thing on it could have, if each component under it gave what it can. */
  most(component: C, limits: readonly number[], above: readonly Above<A>[]): readonly number[];
  /** It, with that much of each component that it stands on, which is no less than {@link needs} asked for. */
  fitted(component: C, given: readonly Share[], above: readonly Above<A>[]): Fitted<C>;
}

/** `bytes` down to a multiple of `unit`. */
export const roundDown = (bytes: number, unit: number): number => Math.floor(bytes / unit) * unit;
/** `bytes` up to a multiple of `unit`. */
export const roundUp = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit;

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/**
 * Divides `room` among needs, each share a multiple of `unit`: what they had where that fits; else each gives up the same part of
 * what lies between that and its least. What is left over goes to those that grow, in proportion to what they had.
 *
 * @returns bytes for each, or `undefined` where even the least does not fit
 */
export function divided(room: number, needs: readonly Need[], unit: number): readonly number[] | undefined {
  const least = needs.map((need) => roundUp(need.least, unit));
  const usual = needs.map((need, index) => Math.max(roundUp(need.usual, unit), least[index] ?? 0));
  const over = sum(usual) - room;
  if (sum(least) > room) return undefined;
  if (over > 0) {
    const part = (room - sum(least)) / (sum(usual) - sum(least));
    return usual.map((value, index) => {
      const floor = least[index] ?? 0;
      return floor + roundDown((value - floor) * part, unit);
    });
  }
  const growing = sum(usual.filter((_, index) => needs[index]?.grows === true));
  return usual.map((value, index) =>
    needs[index]?.grows === true ? value + roundDown((-over * value) / growing, unit) : value,
  );
}

/** What a kind that hands on the room it takes, but for a part of its own, has to tell. */
interface Plain<C> {
  readonly sizeBytes: (component: C) => number;
  /** Bytes that it keeps for itself. */
  readonly overhead?: (component: C) => number;
  readonly resized: (component: C, share: Share) => C;
}

/** What things keep for themselves is reckoned a little high: by that much more than it had, it needs no more than it had. */
const isRounding = (over: number): boolean => over > 0 && over < 1 << 20;

/** Of what stands on one component and carries at most one thing. What carries nothing that is known keeps its size. */
export function plainRoom<C>({ sizeBytes, overhead = () => 0, resized }: Plain<C>): Room<C> {
  return {
    needs(component, above) {
      const usual = sizeBytes(component);
      const carried = overhead(component) + Math.max(0, ...above.map(({ need }) => need.least));
      const least = above.length === 0 || isRounding(carried - usual) ? usual : carried;
      return [{ least, usual: Math.max(usual, least), grows: above.some(({ need }) => need.grows) }];
    },
    most: (component, [limit = 0], above) => above.map(() => Math.max(0, limit - overhead(component))),
    fitted(component, [share = { bytes: 0 }], above) {
      const bytes = share.bytes - overhead(component);
      return { component: resized(component, share), left: above.map(() => ({ bytes })) };
    },
  };
}
