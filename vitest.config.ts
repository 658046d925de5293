import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'workflows/**/*.test.ts', 'test/**/*.test.ts'],
    // All cores: many tests wait for other processes more than they work.
    maxWorkers: '100%',
    // A watchdog against hangs, not a measure of speed.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/helpers/closing-line.ts'],
  },
});
