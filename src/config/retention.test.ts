import { expect, test } from 'vitest';
import { asLifeboatError } from '../kernel/errors.ts';
import { parseConfig } from './load.ts';
import { configTemplate } from './template.ts';

const good = 'repository: file:///mnt/backup\nbackup:\n  include: [/etc]\n';
const problemOf = (lines: string): string => {
  try {
    return JSON.stringify(parseConfig(good + lines, 'c.yaml'));
  } catch (error) {
    return asLifeboatError(error).message;
  }
};

test('the example of the template is valid', () => {
  const text = configTemplate({ repository: 'file:///mnt/b', engine: 'tar', include: ['/'], exclude: [] });
  expect(parseConfig(text, 'c.yaml')).not.toHaveProperty('retention');
  const config = parseConfig(
    text.replaceAll(/^# (?=retention:|  (last|daily|weekly|monthly|minimum):)/gm, ''),
    'c.yaml',
  );
  expect(config.retention).toEqual({ last: 3, daily: 14, weekly: 8, monthly: 12, minimum: 3 });
  expect(config.verify).toEqual({ after: 'full', oldest: 0 });
});

test('without rules nothing is ever forgotten; a section without rules is refused', () => {
  expect(parseConfig(good, 'c.yaml').retention).toBeUndefined();
  expect(parseConfig(`${good}retention: { daily: 7 }\n`, 'c.yaml').retention).toEqual({ daily: 7, minimum: 3 });
  for (const lines of ['retention: {}', 'retention: { minimum: 5 }'])
    expect(problemOf(lines)).toContain('names no rule');
});

test.each([
  ['retention: { daily: 0 }', 'retention.daily'],
  ['retention: { daily: 7, minimum: 0 }', 'retention.minimum'],
  ['retention: { dayly: 7 }', 'dayly'],
  ['verify: { after: some }', 'verify.after'],
  ['verify: { oldest: -1 }', 'verify.oldest'],
])('%s is refused with its place', (lines, place) => {
  expect(problemOf(lines)).toContain(place);
});
