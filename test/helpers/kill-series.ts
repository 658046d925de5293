/**
 * kill -9 at seeded moments of the real command line, again and again on the same repository: older points stay whole, no
 * point on record lacks its data, what was killed can be finished, undone or left alone, and nothing is left over. Restores
 * are in `kill-restores.ts`.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { listPoints } from '../../src/point/records.ts';
import { openConfigured } from '../../src/steps/repository.ts';
import { objectsOf, pointsOf, type Sandbox, signalAt } from './cli.ts';
import { kill, measured, random } from './moments.ts';

export { provenSandbox } from './keyed.ts';

export interface Series {
  readonly seed: number;
  readonly turns: number;
  readonly signal: AbortSignal;
}

/** Backups, full ones and incremental ones. */
export async function killedBackups(box: Sandbox, { seed, turns, signal }: Series): Promise<void> {
  writeFileSync(join(box.source, 'big'), randomBytes(3 << 20));
  const next = random(seed);
  await backup(box);
  let { moments } = await measured(box, ['backup']);
  let kills = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    writeFileSync(join(box.source, 'etc', `file-${turn % 20}`), randomBytes(1000));
    const known = runsOf(box);
    const before = await wholePoints(box, signal);
    const { at, ended } = await kill(box, ['backup'], moments, next);
    const where = `seed ${seed}, backup ${turn}, killed at ${at}`;
    if (ended.code === null) kills += 1;
    const after = await wholePoints(box, signal);
    expect(after.slice(0, before.length), `${where}: older points`).toEqual(before);
    const id = openRun(box, known);
    const way = ['resume', 'undo', 'next run'][Math.floor(next() * 3)] ?? '';
    if (id !== undefined && way !== 'next run') {
      const undo = way === 'undo';
      const stays = !undo || isSettled(box, id);
      const resumed = await box.ask('runs', 'resume', id, ...(undo ? ['--undo'] : []));
      expect(resumed, `${where}, ${way}`).toMatchObject({
        code: 0,
        json: { run: { status: undo ? 'undone' : 'done', owed: [] } },
      });
      expect(pointsOf(box).listed.length, `${where}, ${way}`).toBe(before.length + (stays ? 1 : 0));
      expectNothingOver(box, where);
    } else {
      await backup(box, where);
      if (id !== undefined) expect((await box.ask('runs', 'resume', id, '--undo')).code, where).toBe(0);
    }
    // So that reading all of them back stays quick.
    if (turn % 8 === 7) {
      await forget(box, pointsOf(box).listed.slice(1));
      ({ moments } = await measured(box, ['backup']));
    }
  }
  console.log(`seed ${seed}: ${kills} of ${turns} backups were killed`);
  await backup(box);
  const { listed } = pointsOf(box);
  expect(await wholePoints(box, signal)).toHaveLength(listed.length);
  expectNothingOver(box, `seed ${seed}`);
  // Whoever stores next sweeps it.
  expect(readdirSync(join(box.repository, '.tmp'))).toEqual([]);
}

/** Forgetting by rules and by name, and pruning what killed backups left. */
export async function killedForgets(box: Sandbox, { seed, turns, signal }: Series): Promise<void> {
  const next = random(seed);
  const ruled = join(box.base, 'etc/ruled.yaml');
  writeFileSync(ruled, `${readFileSync(box.config, 'utf8')}\nretention: { last: 2, minimum: 1 }\n`);
  const policy = ['--config', ruled, 'points', 'forget', '--policy'];
  // Rules are no consent to remove data that is whole, as what these backups leave may be.
  const prune = async () => await agreed(box, ['points', 'prune', '--grace', '1s']);
  // All of them are much the same; one that would come too late does no harm.
  const steps = ['prepare.lock', 'decide.points', 'decide.leftovers', 'forget.forget', 'prune.prune'];
  const events = steps.flatMap((step) => [
    `"type":"step-started","step":"${step}"`,
    `"step-finished","step":"${step}"`,
  ]);
  let kills = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    const kind = turn === 0 ? 0 : Math.floor(next() * 3);
    for (let count = turn === 0 ? 0 : 2; count < 4; count += 1) {
      writeFileSync(join(box.source, 'etc', `file-${count}`), randomBytes(5000));
      await backup(box);
    }
    const before = await wholePoints(box, signal);
    // What a backup leaves that is killed there.
    await box.start(
      ['--json', 'backup'],
      signalAt(box, '"type":"step-started","step":"verify.read-back"', 1, 'SIGKILL'),
    ).ended;
    const newest = before.at(-1) ?? '';
    if (kind === 1) await delay(1100);
    const args = kind === 0 ? policy : await (kind === 1 ? prune() : agreed(box, ['points', 'forget', newest]));
    const kept = kind === 0 ? before.slice(-2) : kind === 1 ? before : before.slice(0, -1);
    const known = runsOf(box);
    const { at, ended } = await kill(box, args, { events, writes: 45, ms: 1500 }, next);
    const where = `seed ${seed}, ${args.join(' ')} ${turn}, killed at ${at}`;
    if (ended.code === null) kills += 1;
    expect(await wholePoints(box, signal), where).toEqual(expect.arrayContaining(kept));
    const id = openRun(box, known);
    const way = ['resume', 'undo', 'next run'][Math.floor(next() * 3)] ?? '';
    if (id !== undefined && way !== 'next run') {
      const resumed = await box.ask('runs', 'resume', id, ...(way === 'undo' ? ['--undo'] : []));
      expect({ code: resumed.code, ...resumed.json.error }, `${where}, ${way}`).toEqual({ code: 0 });
    }
    const after = await wholePoints(box, signal);
    expect(after, `${where}, ${way}`).toEqual(expect.arrayContaining(kept));
    for (const finish of [async () => policy, prune]) {
      const again = await finish();
      const { code, json } = await box.ask(...again);
      expect(
        { code, ...json.error, findings: json.run?.findings },
        `${where}, ${way}, then ${again.join(' ')}`,
      ).toEqual({
        code: 0,
        findings: [],
      });
    }
    expect(await wholePoints(box, signal), where).toEqual(expect.arrayContaining(after.slice(-2)));
    expectNothingOver(box, `${where}, ${way}`);
  }
  console.log(`seed ${seed}: ${kills} of ${turns} of forget and prune were killed`);
}

/** The arguments with consent to what a dry run of them shows. */
export async function agreed(box: Sandbox, args: readonly string[]): Promise<string[]> {
  const { json } = await box.ask('--dry-run', ...args);
  return [`--yes=${String(json['digest'])}`, ...args];
}

export async function backup(box: Sandbox, where = 'backup'): Promise<void> {
  const { code: status, json } = await box.ask('backup');
  expect({ status, ...json.error, findings: json.run?.findings }, where).toEqual({ status: 0, findings: [] });
}

async function forget(box: Sandbox, ids: readonly string[]): Promise<void> {
  const { code, json } = await box.ask(...(await agreed(box, ['points', 'forget', ...ids])));
  expect({ code, ...json.error }).toEqual({ code: 0 });
}

/** Reads every point on record back, with all that it builds upon; gives their ids, oldest first. */
export async function wholePoints(box: Sandbox, signal: AbortSignal): Promise<string[]> {
  const config = await loadConfig(box.config);
  const opening = { say: () => undefined, secrets: { get: () => undefined } };
  await using repository = await openConfigured(config, opening, signal);
  const { target, engine, keys } = repository;
  const { points, damaged } = await listPoints(repository, 'box', signal);
  expect(damaged).toEqual([]);
  for (const { point } of points) {
    const job = { target, hostName: 'box', pointId: point.id, sealing: keys, stored: point.data.stored };
    // What it builds upon is on record, and has its own turn.
    const { damage } = await engine.verify({ ...job, scope: 'own', onProgress: () => undefined }, signal);
    expect(damage, point.id).toEqual([]);
    const others = points.map((one) => one.point.id);
    expect(others, `${point.id}: bases`).toEqual(expect.arrayContaining([...engine.references(point.data.stored)]));
  }
  return points.map(({ point }) => point.id);
}

function expectNothingOver(box: Sandbox, where: string): void {
  const { listed, stored } = pointsOf(box);
  expect(stored.toSorted(), `${where}: objects without a point, or points without`).toEqual(listed.toSorted());
  expect(
    objectsOf(box).filter((key) => key.includes('lock') || key.includes('/forgotten/')),
    where,
  ).toEqual([]);
}

/** The run that is not over, if the kill came before its end. */
export function openRun(box: Sandbox, known: ReadonlySet<string>): string | undefined {
  const id = [...runsOf(box)].find((run) => !known.has(run));
  const journal = join(box.state, 'runs', id ?? '', 'journal.ndjson');
  if (id === undefined || !existsSync(journal)) return undefined;
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  return lines.length === 0 || lines.at(-1)?.includes('"type":"done"') ? undefined : id;
}

/** Whether the run came so far that what it made stays, also when it is undone. */
function isSettled(box: Sandbox, id: string): boolean {
  return readFileSync(join(box.state, 'runs', id, 'journal.ndjson'), 'utf8').includes('"settled":true');
}

export function runsOf(box: Sandbox): Set<string> {
  return new Set(existsSync(join(box.state, 'runs')) ? readdirSync(join(box.state, 'runs')) : []);
}
