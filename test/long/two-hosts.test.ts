/** Two hosts back up into one repository at the same time, again and again: neither loses a point or sees the other's. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';
import { times } from '../helpers/suite.ts';

const ROUNDS = times(40, 4);

test(`two hosts, ${ROUNDS} backups each`, async () => {
  await using box = await sandbox();
  const other = join(box.base, 'etc/other.yaml');
  writeFileSync(other, readFileSync(box.config, 'utf8').replace('host: box', 'host: barrel'));
  // Options that come later win.
  const asOther = (...args: readonly string[]) => [
    '--json',
    '--quiet',
    '--config',
    other,
    '--state-dir',
    join(box.base, 'other'),
    ...args,
  ];
  const made: Record<'box' | 'barrel', unknown[]> = { box: [], barrel: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    appendFileSync(join(box.source, 'etc/hosts'), `round ${round}\n`);
    const [one, two] = await Promise.all([box.ask('backup'), box.start(asOther('backup')).ended]);
    expect([one.code, two.code], `round ${round}`).toEqual([0, 0]);
    made.box.push(one.json.point);
    made.barrel.push(two.json.point);
  }
  const [one, two] = await Promise.all([box.ask('points', 'list'), box.start(asOther('points', 'list')).ended]);
  expect(one.json.points?.map(({ id }) => id)).toEqual(made.box);
  expect(two.json.points?.map(({ id }) => id)).toEqual(made.barrel);
  for (const list of [one, two]) expect(list.json.points?.every(({ trust }) => trust === 'read-back')).toBe(true);
});
