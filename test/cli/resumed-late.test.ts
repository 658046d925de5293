/** A run that was killed is resumed or undone long afterwards, when other points were made, forgotten and pruned. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type CliOptions, pointsOf, type Sandbox, sandbox, signalAt } from '../helpers/cli.ts';
import { hastenDate } from '../helpers/clock.ts';
import { openRun, runsOf, wholePoints } from '../helpers/kill-series.ts';
import { killedAfterWrite } from '../helpers/moments.ts';

hastenDate();

/** A backup that is killed there; gives its run. */
async function killed(box: Sandbox, options: CliOptions): Promise<string> {
  const known = runsOf(box);
  const { code, stdout } = await box.start(['--json', 'backup'], options).ended;
  expect(code, stdout).toBeNull();
  const run = openRun(box, known);
  expect(run).toBeDefined();
  return run ?? '';
}

/** Between the record and whatever comes after it. */
const whenOnRecord = (box: Sandbox) => killedAfterWrite(box, 'lifeboat/box/points/');
const beforeTheRecord = (box: Sandbox) => signalAt(box, '"type":"step-started","step":"record.point"', 1, 'SIGKILL');

async function backup(box: Sandbox): Promise<string> {
  writeFileSync(join(box.source, 'etc/new'), randomBytes(1000));
  const { code, json } = await box.ask('backup');
  expect({ code, ...json.error }).toEqual({ code: 0 });
  return String(json.point);
}

test.concurrent.for([
  ['undone', ['--undo']],
  ['resumed', []],
] as const)(
  'a point that came on record, and is built upon by now, stays when its run is %s',
  async ([, args], { signal }) => {
    await using box = await sandbox();
    writeFileSync(join(box.source, 'big'), randomBytes(100_000));
    const first = await backup(box);
    writeFileSync(join(box.source, 'more'), randomBytes(100_000));
    const run = await killed(box, whenOnRecord(box));
    const [id = ''] = pointsOf(box).listed.filter((one) => one !== first);
    expect(id).not.toBe('');
    const next = await backup(box);
    const resumed = await box.ask('runs', 'resume', run, ...args);
    expect({ code: resumed.code, ...resumed.json.error }).toEqual({ code: 0 });
    expect(await wholePoints(box, signal)).toEqual([first, id, next]);
  },
);

test.concurrent('what was pruned since is not put on record, and the run can be undone', async ({ signal }) => {
  await using box = await sandbox();
  const first = await backup(box);
  const run = await killed(box, beforeTheRecord(box));
  expect(pointsOf(box).stored).toHaveLength(2);
  await delay(1100);
  const plan = await box.ask('--dry-run', 'points', 'prune', '--grace', '1s');
  const pruned = await box.ask(`--yes=${String(plan.json['digest'])}`, 'points', 'prune', '--grace', '1s');
  expect(pruned, plan.stdout).toMatchObject({ code: 0 });
  expect(pointsOf(box).stored).toEqual([first]);
  const resumed = await box.ask('runs', 'resume', run);
  expect({ code: resumed.code, error: resumed.json.error }).toMatchObject({
    code: 1,
    error: { code: 'not-found', hint: expect.stringContaining('--undo') },
  });
  expect((await box.ask('runs', 'resume', run, '--undo')).code).toBe(0);
  expect(await wholePoints(box, signal)).toEqual([first]);
});

test.concurrent('a point whose base was forgotten since is not put on record', async ({ signal }) => {
  await using box = await sandbox();
  writeFileSync(join(box.source, 'big'), randomBytes(100_000));
  const first = await backup(box);
  const run = await killed(box, beforeTheRecord(box));
  box.configure('  incremental: false\n');
  const second = await backup(box);
  const plan = await box.ask('--dry-run', 'points', 'forget', first);
  const forgotten = await box.ask(`--yes=${String(plan.json['digest'])}`, 'points', 'forget', first);
  expect(forgotten, plan.stdout).toMatchObject({ code: 0 });
  const resumed = await box.ask('runs', 'resume', run);
  expect({ code: resumed.code, error: resumed.json.error }).toMatchObject({ code: 1, error: { code: 'not-found' } });
  expect((await box.ask('runs', 'resume', run, '--undo')).code).toBe(0);
  expect(await wholePoints(box, signal)).toEqual([second]);
  expect(pointsOf(box).stored).toEqual([second]);
});
