/** What comes of a drill, of all that was looked at in it. Pure. */
import { printable } from '../kernel/text.ts';
import type { Check, DrillReport } from './report.ts';

export interface Outcome {
  /** Why it went no further. */
  readonly problem?: string;
  /** As the recovery says of itself. */
  readonly recovery?: { readonly result: string };
  readonly checks: readonly Check[];
  /** Names of what should have been looked at. */
  readonly wanted: readonly string[];
}

/** Of what comes out of a machine, which may hold anything. */
const mostOfProblem = 16_000;
const mostOfDetail = 1_000;

const shown = (text: string, most: number): string =>
  (text.length > most ? `${text.slice(0, most)}…` : text).split('\n').map(printable).join('\n');

/** As it can be printed, and is read. */
export const tidy = ({ name, passed, detail }: Check): Check => ({
  name: printable(name),
  passed,
  detail: shown(detail, mostOfDetail),
});

type Verdict = Pick<DrillReport, 'result' | 'problem' | 'unchecked'>;

/** What nobody looked at did not pass. */
export function verdictOf({ problem: ended, recovery, checks, wanted }: Outcome): Verdict {
  const wrong = checks.filter(({ passed }) => !passed).map(({ name, detail }) => `${name}: ${detail}`);
  const problem = shown([...(ended === undefined ? [] : [ended]), ...wrong].join('\n'), mostOfProblem);
  const done = new Set(checks.map(({ name }) => name));
  const unchecked = wanted.filter((name) => !done.has(name));
  const named = unchecked.length === 0 ? {} : { unchecked };
  if (problem !== '') return { result: 'failed', problem, ...named };
  if (unchecked.length > 0) return { result: 'unchecked', ...named };
  return { result: recovery?.result === 'sampled' ? 'sampled' : 'passed' };
}
