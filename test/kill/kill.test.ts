/**
 * kill -9 at every write to the journal, and at random moments inside the steps, then again during the resume: a finished
 * step is never repeated, a half-done deed is undone, and in the end everything is done once and nothing is left over.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const SEED = Number(process.env['SEED'] ?? '20261120');
const RANDOM_KILLS = 130;
const HOLDER = 'make.hold';
const child = join(import.meta.dirname, 'child.ts');

let base = '';
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'lifeboat-kill-'));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

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

interface Ended {
  readonly killed: boolean;
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** @param kill `moment:n`, or milliseconds after the first step began */
function run(args: readonly string[], kill: string | number | undefined): Promise<Ended> {
  const env = {
    PATH: process.env['PATH'],
    NODE_COMPILE_CACHE: join(base, 'compiled'),
    ...(typeof kill === 'string' ? { KILL: kill } : {}),
  };
  const process_ = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', child, ...args], { env });
  let stdout = '';
  let stderr = '';
  process_.stdout.on('data', (chunk) => (stdout += chunk));
  process_.stderr.on('data', (chunk) => (stderr += chunk));
  const effects = join(args[1] ?? '', 'effects');
  const before = sizeOf(effects);
  if (typeof kill === 'number') {
    const watch = setInterval(() => {
      if (sizeOf(effects) === before) return;
      clearInterval(watch);
      setTimeout(() => process_.kill('SIGKILL'), kill);
    }, 1);
    process_.on('exit', () => clearInterval(watch));
  }
  return new Promise((resolve) => {
    process_.on('close', (code, signal) => resolve({ killed: signal === 'SIGKILL', code, stdout, stderr }));
  });
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

function sizeOf(path: string): number {
  return linesOf(path).length;
}

/** What the journal says is finished, read without lifeboat's own reader. */
function finishedSteps(journal: string): Set<string> {
  const finished = new Set<string>();
  for (const line of linesOf(journal)) {
    const record = JSON.parse(line);
    if (record.type === 'end') finished.add(record.step);
    if (record.type === 'undone') for (const step of record.steps) finished.delete(step);
  }
  return finished;
}

/** Runs a scenario to its good end; returns how many kills it took. */
async function scenario(name: string, kills: readonly (string | number)[]): Promise<number> {
  const stateDir = join(base, name, 'state');
  const folder = join(base, name, 'work');
  mkdirSync(folder, { recursive: true });
  const effects = join(folder, 'effects');
  const runs = join(stateDir, 'runs');
  let count = 0;
  for (const kill of [...kills, undefined]) {
    const known = existsSync(runs) ? readdirSync(runs) : [];
    const id = known.find((run) => linesOf(join(runs, run, 'journal.ndjson')).length > 0);
    // Killed before anything was on record: nothing had begun either.
    if (id === undefined) for (const run of known) rmSync(join(runs, run), { recursive: true });
    const journal = join(runs, id ?? '', 'journal.ndjson');
    // Killed after the last record, on its way out: there is nothing left to resume.
    if (linesOf(journal).at(-1)?.includes('"status":"done"')) break;
    const finished = id === undefined ? new Set<string>() : finishedSteps(journal);
    const seen = sizeOf(effects);
    const ended = await run([stateDir, folder, ...(id === undefined ? ['start'] : ['resume', id])], kill);
    const repeated = linesOf(effects)
      .slice(seen)
      .filter((line) => line.startsWith('start ') && finished.has(line.slice(6)) && line !== `start ${HOLDER}`);
    expect(repeated, `${name}: finished steps that were repeated`).toEqual([]);
    if (ended.killed) {
      count += 1;
      continue;
    }
    expect(ended, `${name}: ${ended.stderr}`).toMatchObject({ code: 0 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ plain: 5, checked: true, sum: 6 });
    break;
  }
  expect(readdirSync(folder).sort(), `${name}: what is left over`).toEqual(['deed', 'effects', 'plain']);
  const [only] = readdirSync(runs);
  expect(linesOf(join(runs, only ?? '', 'journal.ndjson')).at(-1)).toContain('"status":"done"');
  rmSync(join(base, name), { recursive: true });
  return count;
}

async function all(scenarios: readonly (() => Promise<number>)[]): Promise<number> {
  const queue = [...scenarios];
  let kills = 0;
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const count = await next();
      kills += count;
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  return kills;
}

test('a run killed at any moment is resumed, and no finished step is repeated', async () => {
  // A whole run writes this often; later numbers would not be reached.
  const writes = 15;
  const boundaries = Array.from({ length: writes }, (_, index) => index + 1).flatMap((nth) =>
    ['before', 'half', 'after'].map((moment) => `${moment}:${nth}`),
  );
  const next = random(SEED);
  const atBoundaries = boundaries.map((kill) => () => {
    return scenario(kill.replace(':', '-'), [kill, ...(next() < 0.5 ? [`after:${1 + Math.floor(next() * 6)}`] : [])]);
  });
  const inSteps = Array.from({ length: RANDOM_KILLS }, (_, index) => () => {
    return scenario(`random-${index}`, [next() * 90, ...(next() < 0.3 ? [next() * 60] : [])]);
  });
  const kills = await all([...atBoundaries, ...inSteps]);
  console.log(`seed ${SEED}: ${kills} kills`);
  expect(kills).toBeGreaterThanOrEqual(200);
});
