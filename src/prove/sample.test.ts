import { expect, test } from 'vitest';
import { Sample } from './sample.ts';

/** Numbers from 0 up to 1, the same every time. */
function chances(): () => number {
  let state = 1;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Goes over files on a disk of that speed, by a clock of its own. */
function simulated(
  files: readonly number[],
  {
    budgetMs,
    bytesPerMs,
    lookMs = 0.01,
    openMs = 0.1,
  }: {
    budgetMs: number;
    bytesPerMs: number;
    lookMs?: number;
    openMs?: number;
  },
) {
  let now = 1000;
  const bytes = files.reduce((sum, size) => sum + size, 0);
  const sample = new Sample({ budgetMs, entries: files.length, bytes, now: () => now, chance: chances() });
  const read = files.map((size) => {
    sample.looked();
    now += lookMs;
    const taken = sample.takes(size, 0);
    if (taken) now += openMs + size / bytesPerMs;
    return taken;
  });
  return { read, tookMs: now - 1000, left: sample.left };
}

const MiB = 1024 * 1024;

test('what fits into the time is read, all of it', () => {
  const files = Array.from({ length: 5000 }, (_, index) => (index % 100) * 10_000);
  const { left } = simulated(files, { budgetMs: 60_000, bytesPerMs: 100_000 });
  expect(left).toBe(0);
});

test('what does not is sampled, keeps to the time, and uses it', () => {
  const files = Array.from({ length: 20_000 }, (_, index) => (index % 100) * 40_000);
  const { read, tookMs, left } = simulated(files, { budgetMs: 60_000, bytesPerMs: 100_000 });
  expect(left).toBeGreaterThan(10_000);
  expect(tookMs).toBeLessThan(61_000);
  expect(tookMs).toBeGreaterThan(40_000);
  // From everywhere: what comes last is read as well as what comes first.
  const quarters = [0, 1, 2, 3].map(
    (quarter) => read.slice(quarter * 5000, (quarter + 1) * 5000).filter(Boolean).length,
  );
  for (const count of quarters) expect(count).toBeGreaterThan(300);
});

test('many small files keep to the time too', () => {
  const files = Array.from({ length: 400_000 }, () => 500);
  const { tookMs, left } = simulated(files, { budgetMs: 20_000, bytesPerMs: 100_000 });
  expect(left).toBeGreaterThan(0);
  expect(tookMs).toBeLessThan(22_000);
});

test('a file that takes longer than there is time is left out, and those after it are read', () => {
  const files = [
    ...Array.from({ length: 100 }, () => MiB),
    1000 * 1024 * MiB,
    ...Array.from({ length: 100 }, () => MiB),
  ];
  const { read, tookMs } = simulated(files, { budgetMs: 30_000, bytesPerMs: 100_000 });
  expect(read[100]).toBe(false);
  expect(tookMs).toBeLessThan(31_000);
});

test('no time at all: nothing is read', () => {
  expect(simulated([1, 2, 3], { budgetMs: 0, bytesPerMs: 1 }).left).toBe(3);
});
