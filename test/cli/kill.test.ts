/**
 * kill -9 at seeded moments of real backups and restores: older points stay intact, no half point is listed, the run can
 * be finished or undone, nothing is left over, and the next backup succeeds.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { unsealed } from '../../src/age/keys.ts';
import { openEngine } from '../../src/engine/engines.ts';
import { noKeys } from '../../src/keys/keyring.ts';
import { listPoints } from '../../src/point/records.ts';
import { openTarget } from '../../src/target/targets.ts';
import { contents, type Ended, objectsOf, pointsOf, type Sandbox, sandbox, signalAt } from '../helpers/cli.ts';

const SEED = Number(process.env['SEED'] ?? '20261120');
const BACKUPS = 14;
const RESTORES = 12;

/** mulberry32: small, seeded, good enough to choose moments. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What distinguishes each event of a whole run in its line of JSON: every kill follows one of them. */
function moments({ stderr }: Ended): string[] {
  const found = stderr
    .trim()
    .split('\n')
    .map((line) => {
      const { type, step, message } = JSON.parse(line);
      if (message) return `"step":"${step}","message":{"type":"${message.type}"`;
      return step === undefined ? `"type":"${type}"` : `"type":"${type}","step":"${step}"`;
    });
  return [...new Set(found)].filter((text) => text !== '"type":"run-finished"');
}

/** Half of the kills hit the moment itself; the others come some time after it, from outside, and may come too late. */
async function kill(box: Sandbox, args: readonly string[], all: readonly string[], next: () => number): Promise<Ended> {
  const moment = all[Math.floor(next() * all.length)] ?? '';
  if (next() < 0.5) {
    const ended = await box.start(['--json', ...args], signalAt(box, moment, 1, 'SIGKILL')).ended;
    expect(ended.code, `killed after ${moment}`).toBeNull();
    return ended;
  }
  const pause = next() * 25;
  const running = box.start(['--json', ...args]);
  await running.saw(moment);
  await delay(pause);
  running.child.kill('SIGKILL');
  return running.ended;
}

/** The run that is not over, if the kill came before its end. */
function openRun(box: Sandbox, known: ReadonlySet<string>): string | undefined {
  const id = readdirSync(join(box.state, 'runs')).find((run) => !known.has(run));
  const journal = join(box.state, 'runs', id ?? '', 'journal.ndjson');
  if (id === undefined || !existsSync(journal)) return undefined;
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  return lines.length === 0 || lines.at(-1)?.includes('"type":"done"') ? undefined : id;
}

function runsOf(box: Sandbox): Set<string> {
  return new Set(existsSync(join(box.state, 'runs')) ? readdirSync(join(box.state, 'runs')) : []);
}

/** Reads every point on record back; gives their ids. */
async function intactPoints(box: Sandbox, signal: AbortSignal): Promise<string[]> {
  await using target = await openTarget(box.repository, {}, signal);
  const engine = openEngine('tar');
  const { points, damaged } = await listPoints({ target, keys: noKeys }, 'box', signal);
  expect(damaged).toEqual([]);
  for (const { point } of points) {
    const job = {
      target,
      hostName: 'box',
      pointId: point.id,
      sealing: unsealed,
      stored: point.data.stored,
      onProgress: () => {},
    };
    expect((await engine.verify(job, signal)).damage).toEqual([]);
  }
  return points.map(({ point }) => point.id);
}

test.concurrent(`backups (seed ${SEED})`, async ({ signal }) => {
  await using box = await sandbox();
  writeFileSync(join(box.source, 'big'), randomBytes(3 << 20));
  const first = await box.run('--json', 'backup');
  expect(first.code).toBe(0);
  const all = moments(first);
  const next = random(SEED);
  let kills = 0;
  for (let turn = 0; turn < BACKUPS; turn += 1) {
    const where = `seed ${SEED}, backup ${turn}`;
    const known = runsOf(box);
    const before = await intactPoints(box, signal);
    if ((await kill(box, ['backup'], all, next)).code === null) kills += 1;
    const after = await intactPoints(box, signal);
    expect(after.slice(0, before.length), `${where}: older points`).toEqual(before);
    const id = openRun(box, known);
    if (id === undefined) continue;
    const undo = turn % 2 === 1;
    const resumed = await box.ask('runs', 'resume', id, ...(undo ? ['--undo'] : []));
    expect(resumed, where).toMatchObject({ code: 0, json: { run: { status: undo ? 'undone' : 'done', owed: [] } } });
    const { listed, stored } = pointsOf(box);
    expect(stored, `${where}: objects without a point`).toEqual(listed);
    expect(listed.length, where).toBe(undo ? before.length : before.length + 1);
    // So that reading all of them back stays quick.
    if (turn === BACKUPS >> 1) forget(box, listed.slice(1));
  }
  console.log(`seed ${SEED}: ${kills} of ${BACKUPS} backups were killed`);
  expect((await box.ask('backup')).code).toBe(0);
  const { listed, stored } = pointsOf(box);
  expect(stored).toEqual(listed);
  expect(await intactPoints(box, signal)).toHaveLength(listed.length);
  expect(objectsOf(box).filter((key) => key.includes('lock'))).toEqual([]);
  expect(readdirSync(join(box.repository, '.tmp'))).toEqual([]);
});

function forget(box: Sandbox, ids: readonly string[]): void {
  for (const key of objectsOf(box)) if (ids.some((id) => key.includes(id))) rmSync(join(box.repository, key));
}

test.concurrent(`restores (seed ${SEED})`, async () => {
  await using box = await sandbox();
  writeFileSync(join(box.source, 'big'), randomBytes(3 << 20));
  for (let count = 0; count < 100; count += 1) writeFileSync(join(box.source, 'etc', `file-${count}`), `${count}`);
  await box.ask('backup');
  const original = contents(box.source);
  const before = objectsOf(box);
  const first = await box.run('--json', 'restore', 'latest', '--to', join(box.base, 'first'));
  expect(first.code).toBe(0);
  const all = moments(first);
  const next = random(SEED);
  let kills = 0;
  for (let turn = 0; turn < RESTORES; turn += 1) {
    const where = `seed ${SEED}, restore ${turn}`;
    const known = runsOf(box);
    const to = join(box.base, `to-${turn}`);
    // Into a new directory, and into one that was there.
    if (turn % 3 === 0) mkdirSync(to);
    if ((await kill(box, ['restore', 'latest', '--to', to], all, next)).code === null) kills += 1;
    // Under its name stands all of it or nothing.
    if (existsSync(join(to, box.source))) expect(contents(join(to, box.source)), where).toEqual(original);
    const id = openRun(box, known);
    if (id === undefined) continue;
    if (turn % 2 === 1) {
      expect(await box.ask('runs', 'resume', id, '--undo'), where).toMatchObject({ code: 0 });
      expect(existsSync(to) ? readdirSync(to) : [], where).toEqual([]);
    } else {
      expect(await box.ask('runs', 'resume', id), where).toMatchObject({ code: 0 });
      expect(contents(join(to, box.source)), where).toEqual(original);
      expect(
        readdirSync(to).filter((name) => name.startsWith('.lifeboat')),
        where,
      ).toEqual([]);
    }
    rmSync(to, { recursive: true, force: true });
  }
  console.log(`seed ${SEED}: ${kills} of ${RESTORES} restores were killed`);
  expect(objectsOf(box)).toEqual(before);
});
