import { defineConfig } from 'vitest/config';
import { isLong, ownCases, rotatingCases } from './test/helpers/suite.ts';

const rotating = ownCases === undefined ? rotatingCases(new Date()) : [];
for (const file of rotating) console.log(`of the long and lab tests, today: ${file}`);

const ordinary = [
  '{src,workflows}/**/*.test.ts',
  'test/!(long|lab)/**/*.test.ts',
  'test/*.test.ts',
  'test/lab/*.test.ts',
];

export default defineConfig({
  test: {
    include: [...(ownCases ?? ordinary), ...rotating],
    // All cores: many tests wait for other processes more than they work. Long cases wait for minutes: all of them at once.
    maxWorkers: isLong ? (ownCases?.length ?? 1) : '100%',
    // A watchdog against hangs, not a measure of speed.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    reporters: ['default', './test/helpers/closing-line.ts'],
  },
});
