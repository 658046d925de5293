import { appendFile, chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { looseStep, oneStage, type RunBench, runBench } from '../../test/helpers/run-bench.ts';
import { stepsOf } from './define.ts';
import { findHooks } from './hooks.ts';
import { planRun } from './runs.ts';
import { noSettings } from './units.ts';
import { stage, workflow } from './workflow.ts';

interface State {
  readonly given: string;
  readonly made: string;
  readonly late: string;
}

const step = stepsOf<State>();
let failing = false;
const make = step({ id: 'make', title: 'Make', needs: ['given'], gives: ['made'], run: async () => ({ made: 'ü' }) });
const finish = step({
  id: 'finish',
  title: 'Finish',
  needs: [],
  gives: ['late'],
  run: async () => {
    if (failing) throw new Error('not yet');
    return { late: 'x' };
  },
});
const toy = workflow({
  name: 'toy',
  title: 'Toy',
  inputs: ['given'],
  stages: [stage('one', [make]), stage('two', [finish])],
});

async function bench(): Promise<RunBench> {
  const made = await runBench();
  onTestFinished(() => made[Symbol.asyncDispose]());
  failing = false;
  return made;
}

/** A drop-in that tells `log` of itself, and then runs `body`. */
async function dropIn({ path }: RunBench, name: string, body = 'cat > /dev/null', mode = 0o755): Promise<string> {
  const file = join(path, 'hooks.d', 'toy', name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\necho "$LIFEBOAT_MOMENT $LIFEBOAT_STAGE ${name}" >> ${path}/log\n${body}\n`);
  await chmod(file, mode);
  return file;
}

async function log({ path }: RunBench): Promise<string[]> {
  return (await readFile(join(path, 'log'), 'utf8')).split('\n').slice(0, -1);
}

test('drop-ins run in order around their stage, with the state so far on stdin', async () => {
  const on = await bench();
  await dropIn(on, 'two.before.d/20-second', `cat > ${on.path}/seen`);
  await dropIn(on, 'two.before.d/10-first');
  await dropIn(on, 'one.after.d/50-after');
  await dropIn(on, 'one.before.d/50-before', 'exit 0 # without reading its input');
  for (const left of ['.hidden', '10-first~', '.10-first.swp']) await dropIn(on, `two.before.d/${left}`);
  const { report, error } = await on.start(toy, { given: 'x'.repeat(1_000_000) });
  expect(error).toBeUndefined();
  expect(report).toMatchObject({ status: 'done' });
  expect(await log(on)).toEqual([
    'before one one.before.d/50-before',
    'after one one.after.d/50-after',
    'before two two.before.d/10-first',
    'before two two.before.d/20-second',
  ]);
  const state = JSON.parse(await readFile(join(on.path, 'seen'), 'utf8'));
  expect(state).toEqual({ given: 'x'.repeat(1_000_000), made: 'ü' });
});

test('one that fails stops its stage with what it said, and is run again on resume; those before it are not', async () => {
  const on = await bench();
  await dropIn(on, 'two.before.d/10-good');
  const bad = await dropIn(on, 'two.before.d/20-bad', 'echo "no licence" >&2; exit 3');
  const { report, error } = await on.start(toy, { given: '' });
  expect(error).toMatchObject({
    code: 'hook-failed',
    message: `the drop-in ${bad} ended with exit code 3`,
    hint: expect.stringContaining('no licence'),
  });
  expect(report).toMatchObject({ status: 'failed', failedStep: 'two.before/20-bad' });
  expect(report.finishedSteps.map(({ id }) => id)).toEqual(['one.make', 'two.before/10-good']);
  await dropIn(on, 'two.before.d/20-bad');
  expect((await on.resume(toy)).report.status).toBe('done');
  expect((await log(on)).map((line) => line.split('/')[1])).toEqual(['10-good', '20-bad', '20-bad']);
});

test('a drop-in of a finished stage is not run again on resume', async () => {
  const on = await bench();
  await dropIn(on, 'one.after.d/10-once');
  failing = true;
  expect((await on.start(toy, { given: '' })).report.status).toBe('failed');
  failing = false;
  expect((await on.resume(toy)).report.status).toBe('done');
  expect(await log(on)).toHaveLength(1);
});

test('one that is killed by a signal, or hangs, stops the stage', async () => {
  const on = await bench();
  await dropIn(on, 'one.before.d/10-hangs', 'sleep 60');
  const { error } = await on.start(
    toy,
    { given: '' },
    { settings: { ...noSettings, limits: { 'one.before/10-hangs': '200ms' } } },
  );
  expect(error).toMatchObject({ code: 'step-timeout', hint: expect.stringContaining('one.before/10-hangs') });
  await dropIn(on, 'one.before.d/10-hangs', 'kill -9 $$');
  expect((await on.resume(toy)).error).toMatchObject({ code: 'hook-failed', message: expect.stringContaining('137') });
});

test('drop-ins can be skipped by their names', async () => {
  const on = await bench();
  await dropIn(on, 'one.before.d/10-x', 'exit 1');
  const settings = { ...noSettings, skip: ['one.before/10-x'] };
  expect((await on.start(toy, { given: '' }, { settings })).report.status).toBe('done');
});

test.each([
  ['writable by others', 'one.before.d/10-x', 0o777, 'untrusted'],
  ['not executable', 'one.before.d/10-x', 0o644, 'hook-failed'],
  ['in a folder of no stage', 'oen.before.d/10-x', 0o755, 'hook-failed'],
  ['in a folder that is misspelt', 'one.befor.d/10-x', 0o755, 'hook-failed'],
])('refused before anything begins: %s', async (_name, file, mode, code) => {
  const on = await bench();
  await dropIn(on, file, '', mode);
  await expect(on.start(toy, { given: '' })).rejects.toMatchObject({ code, hint: expect.any(String) });
  await expect(planRun(toy, on.context)).rejects.toMatchObject({ code });
  await expect(on.id()).rejects.toThrow();
});

test('one that became writable by others after the start is not run', async () => {
  const on = await bench();
  const late = await dropIn(on, 'two.before.d/10-x');
  await dropIn(on, 'one.before.d/10-x', `chmod 777 ${late}`);
  expect((await on.start(toy, { given: '' })).error).toMatchObject({ code: 'untrusted' });
  expect(await log(on)).toHaveLength(1);
});

test('no folder holds no drop-ins; folders and links in one are looked at', async () => {
  const on = await bench();
  expect(await findHooks(undefined, toy)).toEqual([]);
  expect(await findHooks(join(on.path, 'nothing'), toy)).toEqual([]);
  const real = await dropIn(on, 'one.before.d/10-x');
  await mkdir(join(dirname(real), '20-folder'));
  expect(await findHooks(join(on.path, 'hooks.d'), toy)).toMatchObject([
    { stage: 'one', moment: 'before', name: '10-x' },
  ]);
  await symlink(real, join(dirname(real), '30-link'));
  await expect(findHooks(join(on.path, 'hooks.d'), toy)).rejects.toMatchObject({ code: 'untrusted' });
});

/** A drop-in at an end tells how it was called. */
const telling = (path: string) =>
  `echo "outcome $LIFEBOAT_OUTCOME" >> ${path}/log; cat > ${path}/end.json; [ -n "$LIFEBOAT_RUN" ]`;

test('a drop-in at the end of a stage runs when that is over, before the next stage', async () => {
  const on = await bench();
  await dropIn(on, 'one.before.d/10-stop');
  await dropIn(on, 'one.end.d/20-start', telling(on.path));
  await dropIn(on, 'one.end.d/10-first');
  await dropIn(on, 'one.after.d/10-x');
  await dropIn(on, 'two.before.d/10-x');
  expect((await on.start(toy, { given: '' })).report.status).toBe('done');
  expect(await log(on)).toEqual([
    'before one one.before.d/10-stop',
    'after one one.after.d/10-x',
    'end one one.end.d/10-first',
    'end one one.end.d/20-start',
    'outcome done',
    'before two two.before.d/10-x',
  ]);
  const input = JSON.parse(await readFile(join(on.path, 'end.json'), 'utf8'));
  expect(input).toEqual({ run: await on.id(), stage: 'one', outcome: 'done' });
});

test('it runs when the stage fails, and on resume the ones before the stage are run again', async () => {
  const on = await bench();
  await dropIn(on, 'two.before.d/10-stop');
  await dropIn(on, 'two.end.d/10-start', telling(on.path));
  failing = true;
  const first = await on.start(toy, { given: '' });
  expect(first.report).toMatchObject({ status: 'failed', owed: [] });
  const once = ['before two two.before.d/10-stop', 'end two two.end.d/10-start'];
  expect(await log(on)).toEqual([...once, 'outcome failed']);
  failing = false;
  expect((await on.resume(toy)).report.status).toBe('done');
  expect(await log(on)).toEqual([...once, 'outcome failed', ...once, 'outcome done']);
});

test('it runs when a drop-in before the stage fails, and when the run is interrupted in it', async () => {
  const on = await bench();
  await dropIn(on, 'two.before.d/10-stop', 'exit 1');
  await dropIn(on, 'two.end.d/10-start', telling(on.path));
  expect((await on.start(toy, { given: '' })).report).toMatchObject({ status: 'failed', owed: [] });
  expect((await log(on)).at(-1)).toBe('outcome failed');
  await dropIn(on, 'two.before.d/10-stop', 'sleep 60');
  const controller = new AbortController();
  const resumed = on.resume(toy, { signal: controller.signal });
  await expect.poll(async () => (await log(on)).length, { timeout: 30_000 }).toBe(4);
  controller.abort();
  expect((await resumed).report).toMatchObject({ status: 'interrupted', owed: [] });
  expect((await log(on)).at(-1)).toBe('outcome interrupted');
});

test('it does not run when its stage was never begun', async () => {
  const on = await bench();
  await dropIn(on, 'one.before.d/10-x', 'exit 1');
  await dropIn(on, 'two.end.d/10-start');
  expect((await on.start(toy, { given: '' })).report.status).toBe('failed');
  expect(await log(on)).toEqual(['before one one.before.d/10-x']);
});

test('one at an end that fails, fails the run and stays owed; the others run all the same', async () => {
  const on = await bench();
  const bad = await dropIn(on, 'two.end.d/10-start', 'echo "no such unit" >&2; exit 5');
  await dropIn(on, 'two.end.d/20-other', telling(on.path));
  const { report, error } = await on.start(toy, { given: '' });
  expect(error).toMatchObject({ code: 'hook-failed', hint: expect.stringContaining('no such unit') });
  expect(report).toMatchObject({ status: 'failed', owed: ['two.end/10-start: run'] });
  expect((await log(on)).slice(-2)).toEqual(['outcome done', 'end two two.end.d/10-start']);
  await writeFile(bad, '#!/bin/sh\n');
  expect((await on.undo(toy)).report).toMatchObject({ status: 'undone', owed: [] });
});

test.each(['resume', 'undo'] as const)(
  'one that was removed while it was owed does not keep the run from its %s, which says so',
  async (how) => {
    const on = await bench();
    const bad = await dropIn(on, 'two.end.d/10-start', 'exit 5');
    expect((await on.start(toy, { given: '' })).report).toMatchObject({ owed: ['two.end/10-start: run'] });
    await rm(bad);
    const { report, error } = await on[how](toy);
    expect(error).toBeUndefined();
    expect(report).toMatchObject({ status: how === 'undo' ? 'undone' : 'done', owed: [] });
    expect(on.events).toContainEqual({
      type: 'step-said',
      step: 'two.end/10-start',
      message: { type: 'finding', subject: 'two.end/10-start', problem: expect.stringContaining('no longer there') },
    });
  },
);

test('what is stopped for a stage is started again before anything else is cleaned up', async () => {
  const on = await bench();
  const held = looseStep(
    'held',
    async ({ onFailure }) => {
      await onFailure('tidy', {});
      throw new Error('full');
    },
    { cleanups: { tidy: () => appendFile(join(on.path, 'log'), 'tidied\n') } },
  );
  await dropIn(on, 's.end.d/10-start');
  expect((await on.start(oneStage(held), { input: '' })).report.status).toBe('failed');
  expect(await log(on)).toEqual(['end s s.end.d/10-start', 'tidied']);
});

test('a stage that is undone later is prepared again', async () => {
  const on = await bench();
  const deed = looseStep('deed', ({ onFailure }) => onFailure('tidy', {}).then(() => ({})), {
    cleanups: { tidy: async () => {} },
  });
  const later = workflow({ name: 'toy', title: 'Toy', inputs: [], stages: [stage('s', [deed]), stage('t', [finish])] });
  await dropIn(on, 's.before.d/10-stop');
  await dropIn(on, 's.end.d/10-start');
  failing = true;
  expect((await on.start(later)).report.status).toBe('failed');
  failing = false;
  expect((await on.resume(later)).report.status).toBe('done');
  const once = ['before s s.before.d/10-stop', 'end s s.end.d/10-start'];
  expect(await log(on)).toEqual([...once, ...once]);
});
