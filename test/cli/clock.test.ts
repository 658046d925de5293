/** Clocks that jump by a year, on the host and on the server of the repository: nothing that is kept is pushed out. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CliOptions, contents, pointsOf, type Sandbox, sandbox } from '../helpers/cli.ts';
import { shiftArrival, shiftedClock, YEAR } from '../helpers/clock.ts';
import { wholePoints } from '../helpers/kill-series.ts';

let count = 0;

/** A backup after a change of the source; gives the point. */
async function backup(box: Sandbox, options: CliOptions = {}): Promise<string> {
  count += 1;
  appendFileSync(join(box.source, 'etc/hosts'), `127.0.0.${count} again\n`);
  writeFileSync(join(box.source, 'etc', `new-${count}`), `${count}`);
  const { code, json } = await box.start(['--json', '--quiet', 'backup'], options).ended;
  expect({ code, ...json.error, findings: json.run?.findings }).toEqual({ code: 0, findings: [] });
  return String(json.point);
}

/** What the latest point restores is the source as it is now. */
async function expectLatest(box: Sandbox): Promise<void> {
  const to = join(box.base, `to-${count}`);
  expect((await box.ask('restore', 'latest', '--to', to)).code).toBe(0);
  expect(contents(join(to, box.source))).toEqual(contents(box.source));
}

/** Which is the latest is not certain when the last to arrive was made before another: it can be had by its id. */
async function expectUncertain(box: Sandbox, id: string): Promise<void> {
  const refused = await box.ask('restore', 'latest', '--to', join(box.base, 'to-none'));
  expect(refused).toMatchObject({
    code: 2,
    json: { error: { message: expect.stringContaining(`${id} arrived last`) } },
  });
  const to = join(box.base, `to-${count}`);
  expect((await box.ask('restore', id, '--to', to)).code).toBe(0);
  expect(contents(join(to, box.source))).toEqual(contents(box.source));
}

const retention = 'retention: { last: 2, minimum: 1 }\n';

test.concurrent.for([
  ['ahead', YEAR],
  ['back', -YEAR],
] as const)("the host's clock is a year %s for one backup", async ([, ms], { signal }) => {
  await using box = await sandbox();
  box.configure(retention);
  const made = [await backup(box), await backup(box, shiftedClock(box, ms))];
  await (ms > 0 ? expectLatest(box) : expectUncertain(box, made[1] ?? ''));
  for (let turn = 0; turn < 2; turn += 1) made.push(await backup(box));
  await expectLatest(box);
  expect(new Set(made).size).toBe(made.length);
  const listed = await wholePoints(box, signal);
  // In the order in which they arrived, whatever their names say; the odd one stays, and takes no other's place.
  expect(listed).toEqual(made.filter((id) => listed.includes(id)));
  expect(listed).toEqual(expect.arrayContaining([made[1], ...made.slice(-2)]));
  expect(pointsOf(box).stored.toSorted()).toEqual(listed.toSorted());
  const plan = (await box.ask('--dry-run', 'points', 'forget', '--policy')).json;
  expect(plan['keep']).toContainEqual(
    expect.objectContaining({
      id: made[1],
      why: expect.arrayContaining([expect.stringContaining('its dates differ')]),
    }),
  );
});

test.concurrent("the server's clock was a year ahead for one point: it is not the latest, and pushes nothing out", async ({
  signal,
}) => {
  await using box = await sandbox();
  box.configure(retention);
  await backup(box);
  const future = await backup(box);
  shiftArrival(box, future, YEAR);
  const made = [await backup(box), await backup(box)];
  await expectLatest(box);
  const listed = await wholePoints(box, signal);
  expect(listed).toEqual(expect.arrayContaining([future, ...made.slice(-2)]));
  expect(listed.at(-1)).toBe(made.at(-1));
  expect((await box.ask('points', 'show', 'latest')).json['id']).toBe(made.at(-1));
  // What is said of it later counts, whatever the date of what was said before.
  const { stored } = pointsOf(box);
  expect(stored).toContain(future);
  writeFileSync(join(box.repository, `tar/box/${future}.tar.zst`), 'spoilt');
  expect((await box.ask('points', 'verify', future)).code).toBe(1);
  const { points = [] } = (await box.ask('points', 'list')).json;
  expect(points.find(({ id }) => id === future)?.trust).toBe('damaged');
});

test.concurrent("the host's clock is a year back: no point is old, and none is forgotten for it", async ({
  signal,
}) => {
  await using box = await sandbox();
  box.configure(retention);
  const made = [await backup(box), await backup(box)];
  const { code, json } = await box.start(
    ['--json', '--quiet', 'points', 'forget', '--policy'],
    shiftedClock(box, -YEAR),
  ).ended;
  expect({ code, ...json.error }).toEqual({ code: 0 });
  expect(await wholePoints(box, signal)).toEqual(made);
  made.push(await backup(box, shiftedClock(box, -YEAR)));
  await expectUncertain(box, made.at(-1) ?? '');
  expect(await wholePoints(box, signal)).toEqual(expect.arrayContaining(made.slice(-2)));
});
