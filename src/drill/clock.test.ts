import { expect, test } from 'vitest';
import { Clock } from './clock.ts';

const work = async (ms: number): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms));

test('what only a drill does is no part of the time that a recovery takes', async () => {
  const clock = new Clock();
  await clock.phase('boot', async () => await work(300));
  await clock.phase('agent', async () => await work(600), { own: true });
  const [boot, agent] = clock.phases;
  expect(boot).toMatchObject({ name: 'boot', from: 0 });
  expect(agent).toMatchObject({ name: 'agent', own: true });
  expect(clock.seconds()).toBeGreaterThanOrEqual(0.8);
  expect(clock.spent()).toBeCloseTo(clock.seconds() - (agent?.seconds ?? 0), 1);
});

test('a phase that fails has had its time, and its error comes out', async () => {
  const clock = new Clock();
  const failing = clock.phase('recover', async () => {
    await work(200);
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(clock.phases[0]?.seconds).toBeGreaterThan(0);
});

test('parts end with the whole, one after the other, and never begin before it', async () => {
  const clock = new Clock();
  clock.phases.push({ name: 'recover', from: 10, seconds: 20 });
  clock.parts('recover', [
    { name: 'find', seconds: 4 },
    { name: 'restore', seconds: 12 },
  ]);
  expect(clock.phases.slice(1)).toEqual([
    { name: 'find', from: 14, seconds: 4, within: 'recover' },
    { name: 'restore', from: 18, seconds: 12, within: 'recover' },
  ]);
  clock.parts('recover', [{ name: 'too long', seconds: 50 }]);
  expect(clock.phases.at(-1)?.from).toBe(10);
  clock.parts('nothing', [{ name: 'x', seconds: 1 }]);
  expect(clock.phases.length).toBe(4);
});
