import { defineConfig } from 'vitest/config';
import { isLong, longCases, rotatingCase } from './test/helpers/suite.ts';

const rotating = rotatingCase(new Date());
if (!isLong && rotating !== undefined) console.log(`of the long tests, a sample of: test/long/${rotating}`);

export default defineConfig({
  test: {
    include: isLong
      ? ['test/long/*.test.ts']
      : [
          'src/**/*.test.ts',
          'workflows/**/*.test.ts',
          'test/!(long)/**/*.test.ts',
          'test/*.test.ts',
          ...(rotating === undefined ? [] : [`test/long/${rotating}`]),
        ],
    // All cores: many tests wait for other processes more than they work. Long cases wait for minutes: all of them at once.
    maxWorkers: isLong ? longCases.length : '100%',
    // A watchdog against hangs, not a measure of speed.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/helpers/closing-line.ts'],
  },
});
