import { expect, test } from 'vitest';
import { configSchema } from '../config/schema.ts';
import { jobsOf } from './jobs.ts';

const commandsOf = (schedule: object): readonly string[] => {
  const config = configSchema.parse({ repository: 'file:///srv/points', backup: { include: ['/etc'] }, schedule });
  return jobsOf(config.schedule, 'box').map(({ name, command }) => `${name}: ${command.join(' ')}`);
};

test('a rescue medium is made anew where it does not fit any more', () => {
  const cron = '0 4 * * 0';
  expect(commandsOf({ check: { cron }, rescue: { cron, output: '/srv/rescue.iso' } })).toEqual([
    'check: check',
    'rescue: rescue build --when-stale --format iso --output /srv/rescue.iso --prove',
  ]);
  expect(commandsOf({ rescue: { cron, output: '/srv/tftp', format: 'pxe', prove: false } })).toEqual([
    'rescue: rescue build --when-stale --format pxe --output /srv/tftp',
  ]);
  expect(commandsOf({ drill: { cron } })).toEqual(['drill: drill']);
  expect(commandsOf({ drill: { cron, files: true, output: '/srv/drill.html' } })).toEqual([
    'drill: drill --files --output /srv/drill.html',
  ]);
  expect(() => commandsOf({ rescue: { cron } })).toThrow();
  expect(() => commandsOf({ rescue: { cron, output: 'rescue.iso' } })).toThrow(/absolute path/);
});
