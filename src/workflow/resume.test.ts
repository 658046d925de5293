/** What a later process makes of the journal of one that failed or was killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { endProcess, output } from '../../test/helpers/child-process.ts';
import {
  type LooseContext,
  looseStep as step,
  oneStage as flow,
  type RunBench,
  runBench,
} from '../../test/helpers/run-bench.ts';
import { newId } from '../kernel/ids.ts';
import { Journal } from './journal.ts';
import type { Step } from './step.ts';
import { listRuns, showRun } from './store.ts';
import { noSettings } from './units.ts';

const input = { input: 1 };

async function bench(): Promise<RunBench> {
  const made = await runBench();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

/**
 * The machine that steps work on. What was done to it stays when the process dies, which is told apart from a step that
 * fails: then nothing more is done and nothing more is written.
 */
class World {
  /** Deeds that stand, each with the deeds on which it was built. */
  readonly deeds = new Map<string, ReadonlyMap<string, number>>();
  readonly versions = new Map<string, number>();
  readonly held = new Set<string>();
  readonly log: string[] = [];
  readonly faults: ('fail' | 'die' | undefined)[];
  dead = false;
  #ticks = 0;

  constructor(faults: readonly ('fail' | 'die' | undefined)[] = []) {
    this.faults = [...faults];
  }

  /** A moment at which something may go wrong. */
  tick(mayFail: boolean): void {
    if (this.dead) throw new Error('dead');
    const fault = this.faults[this.#ticks];
    this.#ticks += 1;
    if (fault === 'die') {
      this.dead = true;
      throw new Error('died');
    }
    if (fault === 'fail' && mayFail) throw new Error('failed');
  }

  act(what: string, effect: () => void): void {
    this.tick(true);
    effect();
    this.log.push(what);
    this.tick(true);
  }
}

/** Makes every record of a journal a moment, before it and after it, until it is disposed. */
function watchJournals(world: World): Disposable {
  const append = Reflect.get(Journal.prototype, 'append');
  const spy = vi.spyOn(Journal.prototype, 'append').mockImplementation(async function (this: Journal, record) {
    world.tick(false);
    await Reflect.apply(append, this, [record]);
    world.tick(false);
  });
  return { [Symbol.dispose]: () => spy.mockRestore() };
}

type Kind = 'plain' | 'deed' | 'hold' | 'both';

/** Steps `0`, `1`, … of a world. What each finds wrong with what earlier ones left is an error that says so. */
function stepsIn(world: World, kinds: readonly Kind[], wrong: string[]): Step[] {
  const name = (index: number) => `${kinds[index]}-${index}`;
  const holds = (kind: Kind | undefined) => kind === 'hold' || kind === 'both';
  const does = (kind: Kind | undefined) => kind === 'deed' || kind === 'both';
  return kinds.map((kind, index) => {
    const id = name(index);
    const before = kinds.slice(0, index).map((_kind, at) => name(at));
    const cleanups = {
      async release() {
        world.act(`release ${id}`, () => world.held.delete(id));
      },
      async undo() {
        world.act(`undo ${id}`, () => world.deeds.delete(id));
      },
    };
    const run = async ({ atEnd, onFailure }: LooseContext) => {
      for (const [at, other] of before.entries()) {
        if (holds(kinds[at]) && !world.held.has(other)) wrong.push(`${id} runs without what ${other} holds`);
        if (kinds[at] !== 'hold' && !world.deeds.has(other)) wrong.push(`${id} runs without the deed of ${other}`);
      }
      if (holds(kind)) {
        await atEnd('release', {});
        if (world.held.has(id)) wrong.push(`${id} is held already`);
        world.act(`hold ${id}`, () => world.held.add(id));
      }
      if (kind === 'hold') return {};
      if (does(kind)) {
        await onFailure('undo', {});
        if (world.deeds.has(id)) wrong.push(`${id} was done before`);
      }
      world.act(`do ${id}`, () => {
        world.versions.set(id, (world.versions.get(id) ?? 0) + 1);
        const base = before.filter((other, at) => does(kinds[at]) && world.deeds.has(other));
        world.deeds.set(id, new Map(base.map((other) => [other, world.versions.get(other) ?? 0])));
      });
      return {};
    };
    return step(id, run, { cleanups });
  });
}

/** Runs until it is done, with as many resumes as it takes. */
async function toTheEnd(on: RunBench, world: World, steps: readonly Step[]): Promise<void> {
  const made = flow(...steps);
  let outcome = await on.start(made, input).catch(() => undefined);
  for (let round = 0; outcome?.report.status !== 'done'; round += 1) {
    if (round > 61) throw new Error(`never done: ${outcome?.error?.message}`);
    world.dead = false;
    const begun = await on.records().then(
      (records) => records.length > 0,
      () => false,
    );
    if (!begun) {
      await rm(join(on.context.stateDir, 'runs'), { recursive: true, force: true });
      outcome = await on.start(made, input).catch(() => undefined);
    } else if ((await on.records()).at(-1)?.['status'] === 'done') break;
    else outcome = await on.resume(made).catch(() => undefined);
  }
}

test('whatever fails and whenever it dies: in the end everything is done once, upon what stands', async () => {
  const fault = fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant('fail' as const) },
    { weight: 2, arbitrary: fc.constant('die' as const) },
  );
  const kinds = fc.array(fc.constantFrom<Kind[]>('plain', 'deed', 'hold', 'both'), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(kinds, fc.array(fault, { maxLength: 60, size: 'max' }), async (kindsOfSteps, faults) => {
      await using on = await runBench();
      const world = new World(faults);
      const wrong: string[] = [];
      {
        using _watched = watchJournals(world);
        await toTheEnd(on, world, stepsIn(world, kindsOfSteps, wrong));
      }
      expect(wrong).toEqual([]);
      expect([...world.held]).toEqual([]);
      const doers = kindsOfSteps.flatMap((kind, index) => (kind === 'hold' ? [] : [`${kind}-${index}`]));
      expect([...world.deeds.keys()].sort()).toEqual(doers.sort());
      for (const base of world.deeds.values()) {
        for (const [other, version] of base) expect(world.versions.get(other)).toBe(version);
      }
      expect(await showRun(on.context.stateDir, await on.id())).toMatchObject({ status: 'done', owed: [] });
    }),
    { numRuns: Number(process.env['RUNS'] ?? 80), seed: Number(process.env['SEED'] ?? 20261120) },
  );
});

/** A step that fails as long as `broken` says so. */
function failing(broken: { now: boolean }): Step {
  return step('fails', async () => {
    if (broken.now) throw new Error('broken');
    return {};
  });
}

test('finished steps are not run again; what was held is taken again', async () => {
  const on = await bench();
  const world = new World();
  const broken = { now: true };
  const made = flow(...stepsIn(world, ['plain', 'hold', 'plain'], []), failing(broken));
  expect((await on.start(made, input)).report.status).toBe('failed');
  world.log.length = 0;
  broken.now = false;
  const { report } = await on.resume(made);
  expect(report).toMatchObject({ status: 'done', owed: [] });
  expect(world.log).toEqual(['hold hold-1', 'release hold-1']);
  expect(report.finishedSteps.map(({ id }) => id)).toEqual(['s.plain-0', 's.plain-2', 's.hold-1', 's.fails']);
  expect(on.events).toContainEqual(expect.objectContaining({ step: 's.plain-0', reason: 'finished' }));
  expect(on.events.filter(({ type }) => type === 'run-started')).toMatchObject([{ resumed: false }, { resumed: true }]);
});

/** Cuts the journal behind the last record that `isLast` finds: what a process killed there leaves. */
async function killedAfter(on: RunBench, isLast: (record: Record<string, unknown>) => boolean): Promise<void> {
  const records = await on.records();
  const kept = records.slice(0, records.findLastIndex(isLast) + 1);
  await writeFile(await on.journalPath(), kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

test('killed with a deed upon something held that is itself a deed: both are undone and done again', async () => {
  const on = await bench();
  const world = new World();
  const wrong: string[] = [];
  const steps = stepsIn(world, ['both', 'plain', 'plain'], wrong);
  await on.start(flow(...steps), input);
  // As it was when the last step had begun: the first still holds, and its deed stands.
  await killedAfter(on, ({ type, step: name }) => type === 'begin' && name === 's.plain-2');
  world.held.add('both-0');
  world.log.length = 0;
  expect((await on.resume(flow(...steps))).report.status).toBe('done');
  expect(wrong).toEqual([]);
  expect(world.log).toEqual([
    'undo both-0',
    'release both-0',
    'hold both-0',
    'do both-0',
    'do plain-1',
    'do plain-2',
    'release both-0',
  ]);
});

test('clean-ups go by the place of the steps, also when a resume took again what an earlier deed stands upon', async () => {
  const on = await bench();
  const world = new World();
  const broken = { now: true };
  const steps = stepsIn(world, ['hold', 'deed'], []);
  const made = flow(...steps, failing(broken));
  broken.now = false;
  await on.start(made, input);
  await killedAfter(on, ({ type, step: name }) => type === 'begin' && name === 's.fails');
  world.held.add('hold-0');
  world.log.length = 0;
  broken.now = true;
  expect((await on.resume(made)).report.status).toBe('failed');
  expect(world.log).toEqual(['release hold-0', 'hold hold-0', 'undo deed-1', 'release hold-0']);
});

test('a half-done deed is undone even when its step is skipped from now on', async () => {
  const on = await bench();
  const world = new World();
  const steps = stepsIn(world, ['plain', 'deed'], []);
  await on.start(flow(...steps), input);
  await killedAfter(on, ({ type }) => type === 'owe');
  const settings = { ...noSettings, skip: ['s.deed-1'] };
  expect((await on.resume(flow(...steps), { settings })).report).toMatchObject({ status: 'done', owed: [] });
  expect([...world.deeds.keys()]).toEqual(['plain-0']);
});

test('killed while letting go at the end: nothing is repeated', async () => {
  const on = await bench();
  const world = new World();
  const steps = stepsIn(world, ['hold', 'deed', 'hold'], []);
  await on.start(flow(...steps), input);
  await killedAfter(on, ({ type, ref }) => type === 'cleaned' && ref === 3);
  world.log.length = 0;
  expect((await on.resume(flow(...steps))).report.status).toBe('done');
  expect(world.log).toEqual(['release hold-0']);
});

test('a workflow that lost a clean-up that is owed is refused before anything is done', async () => {
  const on = await bench();
  const world = new World();
  const steps = stepsIn(world, ['hold', 'deed', 'plain'], []);
  await on.start(flow(...steps), input);
  await killedAfter(on, ({ type, step: name }) => type === 'begin' && name === 's.plain-2');
  const before = await readFile(await on.journalPath(), 'utf8');
  world.log.length = 0;
  await expect(on.resume(flow(...steps.slice(0, 1)))).rejects.toMatchObject({ code: 'workflow-invalid' });
  await expect(on.undo(flow(...steps.slice(0, 1)))).rejects.toMatchObject({ code: 'workflow-invalid' });
  expect(world.log).toEqual([]);
  expect(await readFile(await on.journalPath(), 'utf8')).toBe(before);
});

test('a step that is run again sees what the steps before it gave, not what later ones did', async () => {
  const on = await bench();
  const seen: unknown[] = [];
  const broken = { now: true };
  const look = async ({ state, atEnd }: LooseContext) => {
    seen.push(state['n']);
    await atEnd('nothing', {});
    return {};
  };
  const nothing = { async nothing() {} };
  const made = flow(
    step('one', async () => ({ n: 1 }), { gives: ['n'] }),
    step('hold', look, { needs: ['n'], cleanups: nothing }),
    step('two', async () => ({ n: 2 }), { gives: ['n'] }),
    failing(broken),
    step('last', look, { needs: ['n'], cleanups: nothing }),
  );
  await on.start(made, input);
  broken.now = false;
  expect((await on.resume(made)).state).toMatchObject({ n: 2 });
  expect(seen).toEqual([1, 1, 2]);
});

test('findings of a step that is run again are not doubled, and go when they are mended', async () => {
  const on = await bench();
  const broken = { now: true };
  let findings = ['x', 'y'];
  const finds = async ({ say, atEnd }: LooseContext) => {
    for (const subject of findings) say({ type: 'finding', subject, problem: 'p' });
    await atEnd('nothing', {});
    return {};
  };
  const made = flow(step('finds', finds, { cleanups: { async nothing() {} } }), failing(broken));
  await on.start(made, input);
  expect((await on.resume(made)).report.findings).toHaveLength(0);
  findings = ['x'];
  await killedAfter(on, ({ type }) => type === 'resume');
  broken.now = false;
  expect((await on.resume(made)).report).toMatchObject({ status: 'incomplete', findings: [{ subject: 'x' }] });
  const next = await bench();
  broken.now = true;
  await next.start(made, input);
  await killedAfter(next, ({ type }) => type === 'end');
  findings = [];
  broken.now = false;
  expect((await next.resume(made)).report).toMatchObject({ status: 'done', findings: [] });
});

test('undoing a run undoes all of its deeds in reverse and closes it', async () => {
  const on = await bench();
  const world = new World();
  const steps = stepsIn(world, ['deed', 'plain', 'both', 'deed', 'plain'], []);
  await on.start(flow(...steps), input);
  await killedAfter(on, ({ type, step: name }) => type === 'begin' && name === 's.plain-4');
  world.held.add('both-2');
  world.log.length = 0;
  const { report } = await on.undo(flow(...steps));
  expect(report).toMatchObject({ status: 'undone', owed: [], finishedSteps: [] });
  expect(world.log).toEqual(['undo deed-3', 'undo both-2', 'release both-2', 'undo deed-0']);
  await expect(on.resume(flow(...steps))).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('undone'),
  });
});

test('a run that has ended well is not resumed, nor undone; one that never was is not found', async () => {
  const on = await bench();
  await on.start(flow(), input);
  await expect(on.resume(flow())).rejects.toMatchObject({ code: 'usage' });
  await expect(on.undo(flow())).rejects.toMatchObject({ code: 'usage' });
  const { stateDir } = on.context;
  await expect(showRun(stateDir, newId(new Date()))).rejects.toMatchObject({ code: 'not-found' });
  await expect(showRun(stateDir, '../../etc')).rejects.toMatchObject({ code: 'usage' });
});

test('a run that a process works on is running and locked; when that is gone it was killed', async () => {
  const on = await bench();
  const world = new World();
  const steps = stepsIn(world, ['plain', 'plain'], []);
  await on.start(flow(...steps), input);
  await killedAfter(on, ({ type }) => type === 'begin');
  const lock = join(on.context.stateDir, 'runs', await on.id(), 'lock');
  const other = spawn('flock', ['--no-fork', lock, 'sh', '-c', 'echo held; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => endProcess(other));
  await once(other.stdout, 'data');
  await expect(on.resume(flow(...steps))).rejects.toMatchObject({ code: 'locked', hint: expect.any(String) });
  await expect(on.undo(flow(...steps))).rejects.toMatchObject({ code: 'locked' });
  expect((await showRun(on.context.stateDir, await on.id())).status).toBe('running');
  await endProcess(other);
  expect((await showRun(on.context.stateDir, await on.id())).status).toBe('killed');
  expect((await on.resume(flow(...steps))).report.status).toBe('done');
});

test('runs are listed newest first; one that cannot be read keeps no other from the list', async () => {
  const on = await bench();
  const { stateDir } = on.context;
  expect(await listRuns(stateDir)).toEqual([]);
  const runs: string[] = [];
  for (const second of [1, 2, 3, 4, 5]) {
    const { report } = await on.start(flow(), input, { now: () => new Date(Date.UTC(2026, 0, 1, 0, 0, second)) });
    runs.unshift(report.id);
  }
  const [, damaged = '', empty = '', folder = ''] = runs;
  const journal = (id: string) => join(stateDir, 'runs', id, 'journal.ndjson');
  await writeFile(journal(damaged), 'garbage\n');
  await rm(journal(empty));
  await rm(journal(folder));
  await mkdir(journal(folder));
  await mkdir(join(stateDir, 'runs', 'lost+found'));
  expect(await listRuns(stateDir)).toMatchObject([
    { id: runs[0], status: 'done' },
    { id: damaged, error: { code: 'journal-damaged' } },
    { id: empty, error: { code: 'not-found' } },
    { id: folder, error: { code: 'failed' } },
    { id: runs[4], status: 'done' },
  ]);
});

test('a state directory that is full stops the run; with space again it goes on', async ({ skip }) => {
  if (process.getuid?.() !== 0) skip('only root can mount');
  const on = await bench();
  const { stateDir } = on.context;
  await output('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', stateDir);
  onTestFinished(async () => {
    await output('umount', stateDir);
  });
  const world = new World();
  const filler = join(stateDir, 'filler');
  const fill = step(
    'fill',
    async () => {
      await writeFile(filler, Buffer.alloc(64 * 1024)).catch(() => {});
      return { much: 'x'.repeat(20_000) };
    },
    { gives: ['much'] },
  );
  const made = flow(...stepsIn(world, ['deed'], []), fill);
  const error = await on.start(made, input).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'no-space', hint: expect.stringContaining(await on.id()) });
  await rm(filler);
  expect(await showRun(stateDir, await on.id())).toMatchObject({
    status: 'killed',
    finishedSteps: [{ id: 's.deed-0' }],
  });
  const mended = flow(
    ...stepsIn(world, ['deed'], []),
    step('fill', async () => ({ much: 1 }), { gives: ['much'] }),
  );
  expect((await on.resume(mended)).report).toMatchObject({ status: 'done', owed: [] });
  expect(world.log).toEqual(['do deed-0']);
});
