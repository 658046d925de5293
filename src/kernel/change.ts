/** A difference between two captures of a host, and what it means for whoever has to recover from the older one. */
import { printable } from './text.ts';

/**
 * What a difference puts at risk, the worst first: `recovery` (from the older capture the machine could not be rebuilt,
 * would not start or would not be reached), `data` (the rebuilt machine would lack data, or a place for it), `appearance`
 * (it would only look different).
 */
export const risks = ['recovery', 'data', 'appearance'] as const;
export type Risk = (typeof risks)[number];

export interface Change {
  /** What has changed, by a name that stays: the id of a component, `link eth0`, `route`. */
  readonly subject: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Of `changed`: which attribute. */
  readonly attribute?: string;
  readonly risk: Risk;
  /** For a person; may hold raw names, so print it through `printable`. */
  readonly text: string;
}

const headings: Readonly<Record<Risk, string>> = {
  recovery: 'A recovery would fail:',
  data: 'A recovery would lose data:',
  appearance: 'A recovery would only look different:',
};

/** Changes as lines for a terminal, grouped by risk; nothing when there are none. */
export function changeLines(changes: readonly Change[]): string[] {
  return risks.flatMap((risk) => {
    const found = changes.filter((change) => change.risk === risk);
    return found.length === 0 ? [] : [headings[risk], ...found.map(({ text }) => `  ${printable(text)}`)];
  });
}
