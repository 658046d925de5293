/**
 * Which of the suites is being run: all of `test/long`, all cases of the lab, or the ordinary tests with one case of each that
 * changes from day to day.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const suites = { long: 'test/long', lab: 'test/lab/cases' } as const;
type Suite = keyof typeof suites;

/** Set by `npm run test:long` and `npm run test:lab`. */
const chosen = process.env['LIFEBOAT_TESTS'];
export const isLong = chosen === 'long';

/** The files of the suite that is being run; `undefined` for the ordinary tests. */
export const ownCases: readonly string[] | undefined =
  chosen === 'long' || chosen === 'lab' ? casesOf(chosen) : undefined;

/** Of each other suite today's case; `LONG_CASE=name` and `LAB_CASE=name` choose another. */
export function rotatingCases(now: Date): readonly string[] {
  const day = dayOf(now);
  return (['long', 'lab'] as const).flatMap((suite) => {
    const cases = casesOf(suite);
    const variable = `${suite.toUpperCase()}_CASE`;
    const name = process.env[variable];
    if (name === undefined) return cases[day % cases.length] ?? [];
    const named = cases.find((file) => file.includes(`/${name}`));
    if (named === undefined) throw new Error(`no case ${name} (${variable}); there are: ${cases.join(', ')}`);
    return named;
  });
}

function casesOf(suite: Suite): readonly string[] {
  const folder = suites[suite];
  return readdirSync(join(import.meta.dirname, '../..', folder))
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => `${folder}/${name}`);
}

/**
 * For cases of the long suite, in place of the watchdog of all tests: neither all of one nor a sample, on a machine that does
 * much else, wakes it. To be given to `vi.setConfig` before they are described.
 */
export const longWatchdog = { testTimeout: times(10_800_000, 600_000) };

/**
 * Of the scenes of a case all in its own suite, and one in the ordinary tests, another each time that the case's day comes.
 */
export function ofToday<T>(scenes: readonly T[], now: Date): readonly T[] {
  if (ownCases !== undefined) return scenes;
  const turn = Math.floor(dayOf(now) / casesOf('lab').length);
  return scenes.slice(turn % scenes.length).slice(0, 1);
}

function dayOf(now: Date): number {
  return Math.floor(now.getTime() / 86_400_000);
}

/** How often a long case does what it does: all of it in its own suite, a sample of it in the ordinary one. */
export function times(full: number, sample: number): number {
  return isLong ? full : sample;
}
