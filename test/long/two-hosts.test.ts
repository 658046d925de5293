/**
 * Two hosts with keys of their own back up into one repository at the same time, again and again, with retention and prune on
 * both: neither loses a point, or can read the other's.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Ended } from '../helpers/cli.ts';
import { provenSandbox } from '../helpers/kill-series.ts';
import { longWatchdog, times } from '../helpers/suite.ts';

vi.setConfig(longWatchdog);

const ROUNDS = times(40, 3);
const RETENTION = '\nretention: { last: 3, minimum: 2 }\n';

test(`two hosts, ${ROUNDS} backups each`, async () => {
  await using box = await provenSandbox();
  // Options that come later win.
  const other = ['--config', join(box.base, 'other/etc.yaml'), '--state-dir', join(box.base, 'other/state')];
  const asOther = (...args: readonly string[]): Promise<Ended> => box.ask(...other, ...args);
  const init = ['init', '--repository', `file://${box.repository}`, '--host', 'barrel', '--include', box.source];
  const made = await asOther(...init);
  expect(made.code, made.stdout).toBe(0);
  const { code: barrelCode } = Object(made.json['recovery']);
  const env = { LIFEBOAT_RECOVERY_CODE: String(barrelCode) };
  expect((await box.start(['--json', ...other, 'key', 'check'], { env }).ended).code).toBe(0);
  for (const path of [box.config, join(box.base, 'other/etc.yaml')])
    writeFileSync(path, readFileSync(path, 'utf8') + RETENTION);

  const points: Record<'box' | 'barrel', string[]> = { box: [], barrel: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    appendFileSync(join(box.source, 'etc/hosts'), `round ${round}\n`);
    const [one, two] = await Promise.all([box.ask('backup'), asOther('backup')]);
    expect([one.code, two.code], `round ${round}: ${one.stdout} ${two.stdout}`).toEqual([0, 0]);
    points.box.push(String(one.json.point));
    points.barrel.push(String(two.json.point));
    if (round % 2 === 0) continue;
    const prune = ['points', 'prune', '--grace', '1s'];
    const pruned = await Promise.all([box.ask(...prune), asOther(...prune)]);
    expect(
      pruned.map(({ code }) => code),
      `round ${round}`,
    ).toEqual([0, 0]);
  }
  for (const [name, ask] of [
    ['box', box.ask],
    ['barrel', asOther],
  ] as const) {
    const list = await ask('points', 'list');
    expect(list.code).toBe(0);
    const ids = list.json.points?.map(({ id }) => id) ?? [];
    expect(ids.slice(-3)).toEqual(points[name].slice(-3));
    // Of those before, what the last three build upon, and nothing else.
    expect(points[name]).toEqual(expect.arrayContaining(ids));
    expect((await ask('points', 'forget', '--policy', '--dry-run')).json).toMatchObject({ forget: [] });
    expect(list.json.points?.every(({ trust }) => trust === 'read-back')).toBe(true);
    for (const id of ids) expect((await ask('points', 'verify', id)).code, `${name}: ${id}`).toBe(0);
  }

  // As box, with box's key, what is barrel's cannot be read; nor with the code of box.
  const posing = join(box.base, 'posing.yaml');
  writeFileSync(posing, readFileSync(box.config, 'utf8').replace('host: box', 'host: barrel'));
  const list = await box.ask('--config', posing, 'points', 'list');
  expect(list).toMatchObject({ code: 4, json: { points: [] } });
  const latest = ['restore', 'latest', '--to', join(box.base, 'to')];
  expect(await box.ask('--config', posing, ...latest)).toMatchObject({ code: 1, json: { error: { code: 'no-key' } } });
  const elsewhere = await box.elsewhere(box.code, '--host', 'barrel', ...latest);
  expect(elsewhere).toMatchObject({ code: 1, json: { error: { code: 'no-key' } } });
});
