/** Which of the suites is being run: all of `test/long`, or the ordinary tests with one case of it that changes from day to day. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../long');

/** Set by `npm run test:long`. */
export const isLong = process.env['LIFEBOAT_TESTS'] === 'long';

/** The cases of the long suite, as files. */
export const longCases: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.test.ts'))
  .sort();

/** Today's case; `LONG_CASE=name` chooses another. */
export function rotatingCase(now: Date): string | undefined {
  const chosen = process.env['LONG_CASE'];
  if (chosen !== undefined) return longCases.find((name) => name.startsWith(chosen));
  return longCases[Math.floor(now.getTime() / 86_400_000) % longCases.length];
}

/**
 * For cases of the long suite, in place of the watchdog of all tests: neither all of one nor a sample, on a machine that does
 * much else, wakes it. To be given to `vi.setConfig` before they are described.
 */
export const longWatchdog = { testTimeout: times(10_800_000, 600_000) };

/** How often a long case does what it does: all of it in its own suite, a sample of it in the ordinary one. */
export function times(full: number, sample: number): number {
  return isLong ? full : sample;
}
