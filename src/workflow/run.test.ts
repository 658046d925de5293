import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import {
  type LooseContext,
  looseStep as step,
  oneStage as flow,
  type RunBench,
  runBench,
} from '../../test/helpers/run-bench.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';
import type { RunEvent } from './events.ts';
import { planRun } from './runs.ts';
import type { Step } from './step.ts';
import { showRun } from './store.ts';
import { noSettings } from './units.ts';

async function bench(): Promise<RunBench> {
  const made = await runBench();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

/** A step that does something and tells `log` of it and of its undoing. */
function deed(id: string, log: string[], ...kinds: ('atEnd' | 'onFailure')[]): Step {
  const cleanups = {
    async clean({ kind }: { kind: string }) {
      log.push(`${kind} ${id}`);
    },
  };
  const run = async (context: LooseContext) => {
    for (const kind of kinds) await context[kind]('clean', { kind });
    log.push(id);
    return {};
  };
  return step(id, run, { cleanups });
}
const fails = (error: unknown = new Error('no')) => step('fails', () => Promise.reject(error));
const input = { input: { deep: [1] } };

afterEach(() => {
  vi.useRealTimers();
});

test('a good run: events in order, a report, and what the steps gave', async () => {
  const on = await bench();
  const made = flow(
    step(
      'first',
      async ({ say }) => {
        say({ type: 'note', text: 'hello' });
        return { a: 1 };
      },
      { gives: ['a'] },
    ),
    step('second', async ({ state, runId }) => ({ b: [state['a'], runId] }), { needs: ['a'], gives: ['b'] }),
  );
  const { report, state, error } = await on.start(made, input);
  const id = await on.id();
  expect(error).toBeUndefined();
  expect(state).toEqual({ ...input, a: 1, b: [1, id] });
  expect(report).toMatchObject({
    id,
    workflow: 'toy',
    status: 'done',
    findings: [],
    owed: [],
    finishedSteps: [{ id: 's.first' }, { id: 's.second' }],
  });
  expect(on.events.map(({ type, ...event }) => ('step' in event ? `${type} ${event.step}` : type))).toEqual([
    'run-started',
    'step-started s.first',
    'step-said s.first',
    'step-finished s.first',
    'step-started s.second',
    'step-finished s.second',
    'run-finished',
  ]);
  expect(on.events.at(-1)).toMatchObject({ run: id, status: 'done' });
  const path = join(on.context.stateDir, 'runs', id, 'report.json');
  expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(report);
  expect(await showRun(on.context.stateDir, id)).toEqual(report);
});

test('the plan of a run names everything and touches nothing', async () => {
  const on = await bench();
  const run = vi.fn(async () => ({}));
  const made = flow(step('look', run, { destructive: true, timeout: '5m' }), step('skip', run));
  const plan = await planRun(made, { ...on.context, settings: { ...noSettings, skip: ['s.skip'] } });
  expect(plan).toMatchObject([
    { id: 's.look', title: 'Do look', kind: 'step', destructive: true, skipped: false, timeoutMs: 300_000 },
    { id: 's.skip', skipped: true, destructive: false },
  ]);
  expect(run).not.toHaveBeenCalled();
  await expect(on.id()).rejects.toMatchObject({ code: 'ENOENT' });
});

test('an input that is missing is refused before anything is written', async () => {
  const on = await bench();
  await expect(on.start(flow())).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('"input"') });
  await expect(on.id()).rejects.toMatchObject({ code: 'ENOENT' });
});

test('skipped steps are told of and not run', async () => {
  const on = await bench();
  const run = vi.fn(async () => ({}));
  await on.start(flow(step('skip', run)), input, { settings: { ...noSettings, skip: ['s.skip'] } });
  expect(run).not.toHaveBeenCalled();
  expect(on.events).toContainEqual(
    expect.objectContaining({ type: 'step-skipped', step: 's.skip', reason: 'configured' }),
  );
});

test('a step sees only what it needs, in a copy', async () => {
  const on = await bench();
  const made = flow(
    step('give', async () => ({ a: { list: [1] }, b: 2 }), { gives: ['a', 'b'] }),
    step(
      'change',
      async ({ state }) => {
        expect(state).toEqual({ a: { list: [1] } });
        Reflect.set(Object(state['a']), 'list', []);
        return {};
      },
      { needs: ['a'] },
    ),
    step(
      'look',
      async ({ state }) => {
        expect(state).toEqual({ a: { list: [1] } });
        return {};
      },
      { needs: ['a'] },
    ),
  );
  expect((await on.start(made, input)).error).toBeUndefined();
});

test.each([
  ['nothing at all', undefined, /did not return an object/],
  ['too little', {}, /did not give "a"/],
  ['undefined', { a: undefined }, /did not give "a"/],
  ['too much', { a: 1, b: 1 }, /gave "b", which it does not list/],
  ['a function', { a: { deep: () => 1 } }, /gave "a" with a function at \.deep, which is not JSON/],
  ['a bigint', { a: 5n }, /gave "a" with a bigint, which is not JSON/],
  ['no number', { a: [Number.NaN] }, /gave "a" with NaN at \[0\]/],
  ['a secret', { a: { key: new Secret('hunter2222') } }, /gave "a" with a Secret at \.key/],
  ['a date', { a: new Date() }, /gave "a" with a Date/],
])('a step that gives %s fails clearly', async (_name, gives, message) => {
  const on = await bench();
  const { report, error } = await on.start(flow(step('give', async () => gives, { gives: ['a'] })), input);
  expect(error).toMatchObject({ code: 'workflow-invalid', message: expect.stringMatching(message) });
  expect(error?.message).toContain('s.give');
  expect(report.failedStep).toBe('s.give');
});

test.each([
  ['a cleanup that it does not have', 'remove', {}, /has no cleanup "remove"/],
  [
    'arguments that are not JSON',
    'clean',
    { at: new Date() },
    /registers "clean" with a Date in its arguments at \.at/,
  ],
  ['no arguments', 'clean', undefined, /registers "clean" with undefined in its arguments/],
])('a step that registers %s fails before its deed', async (_name, cleanup, args, message) => {
  const on = await bench();
  const run = async ({ atEnd }: LooseContext) => {
    await atEnd(cleanup, args);
    throw new Error('the deed');
  };
  const { error, report } = await on.start(flow(step('own', run, { cleanups: { async clean() {} } })), input);
  expect(error).toMatchObject({ code: 'workflow-invalid', message: expect.stringMatching(message) });
  expect(report.owed).toEqual([]);
});

test('a cleanup gets its arguments as they were when it was registered', async () => {
  const on = await bench();
  const seen: unknown[] = [];
  const run = async ({ atEnd }: LooseContext) => {
    const args = { list: [1], none: undefined };
    await atEnd('clean', args);
    args.list.push(2);
    return {};
  };
  const cleanups = {
    async clean(args: unknown) {
      seen.push(args);
    },
  };
  await on.start(flow(step('own', run, { cleanups })), input);
  expect(seen).toStrictEqual([{ list: [1] }]);
});

test('at the end: what waits for the end in reverse order, and what waits for failure not', async () => {
  const on = await bench();
  const log: string[] = [];
  const made = flow(
    deed('a', log, 'atEnd', 'onFailure'),
    deed('b', log, 'onFailure'),
    deed('c', log, 'atEnd', 'atEnd'),
  );
  const { report } = await on.start(made, input);
  expect(log).toEqual(['a', 'b', 'c', 'atEnd c', 'atEnd c', 'atEnd a']);
  expect(report).toMatchObject({ status: 'done', owed: [] });
});

test('on failure: both, in reverse order', async () => {
  const on = await bench();
  const log: string[] = [];
  const made = flow(
    deed('a', log, 'onFailure', 'atEnd'),
    deed('b', log, 'onFailure'),
    deed('c', log, 'atEnd'),
    fails(),
  );
  const { report } = await on.start(made, input);
  expect(log).toEqual(['a', 'b', 'c', 'atEnd c', 'onFailure b', 'atEnd a', 'onFailure a']);
  expect(report).toMatchObject({ status: 'failed', owed: [], finishedSteps: [], failedStep: 's.fails' });
});

test('steps before the first deed that was undone stay finished', async () => {
  const on = await bench();
  const log: string[] = [];
  const made = flow(deed('plain', log), deed('b', log, 'onFailure'), deed('on-b', log), fails());
  expect((await on.start(made, input)).report.finishedSteps).toMatchObject([{ id: 's.plain' }]);
});

test('a clean-up that fails keeps no other from running, stays owed, and is done on resume', async () => {
  const on = await bench();
  const log: string[] = [];
  let stuck = true;
  let broken = true;
  const stubborn = deed('stubborn', log, 'onFailure', 'atEnd');
  const cleanups = {
    async clean({ kind }: { kind: string }) {
      if (stuck) throw new LifeboatError('failed', 'still in use');
      log.push(`${kind} stubborn`);
    },
  };
  const last = step('last', async () => {
    if (broken) throw new LifeboatError('unreachable', 'the real reason');
    return {};
  });
  const made = flow(deed('a', log, 'atEnd'), { ...stubborn, cleanups }, deed('c', log, 'atEnd'), last);
  const { report, error } = await on.start(made, input);
  expect(error?.message).toBe('the real reason');
  expect(report).toMatchObject({ failedStep: 's.last', owed: ['s.stubborn: clean', 's.stubborn: clean'] });
  expect(log).toEqual(['a', 'stubborn', 'c', 'atEnd c', 'atEnd a']);
  expect(on.events.filter(({ type }) => type === 'cleanup-failed')).toHaveLength(2);

  log.length = 0;
  broken = false;
  const again = await on.resume(made);
  expect(again.report).toMatchObject({ status: 'failed', failedStep: 's.stubborn' });
  expect(again.error?.message).toBe('still in use');
  expect(log).toEqual([]);

  stuck = false;
  expect((await on.resume(made)).report).toMatchObject({ status: 'done', owed: [] });
  expect(log).toEqual([
    'atEnd stubborn',
    'onFailure stubborn',
    'a',
    'stubborn',
    'c',
    'atEnd c',
    'atEnd stubborn',
    'atEnd a',
  ]);
});

test('when all steps are finished, something that cannot be let go is no reason to undo them', async () => {
  const on = await bench();
  const log: string[] = [];
  let stuck = true;
  const cleanups = {
    async clean() {
      if (stuck) throw new Error('busy');
      log.push('released');
    },
  };
  const made = flow(deed('deed', log, 'onFailure'), { ...deed('hold', log, 'atEnd'), cleanups });
  const { report, error } = await on.start(made, input);
  expect(error?.message).toBe('busy');
  expect(report).toMatchObject({ status: 'failed', failedStep: 's.hold', finishedSteps: [{}, {}] });
  expect(log).toEqual(['deed', 'hold']);
  stuck = false;
  expect((await on.resume(made)).report).toMatchObject({ status: 'done', owed: [] });
  expect(log).toEqual(['deed', 'hold', 'released']);
});

test('a step that is over its time limit fails, with its signal aborted', async () => {
  const on = await bench();
  let reason: unknown;
  const slow = step('slow', async ({ signal }) => {
    await delay(60_000, undefined, { signal }).catch(() => {
      reason = signal.reason;
    });
    return {};
  });
  const settings = { ...noSettings, limits: { 's.slow': '50ms' } };
  const { report, error } = await on.start(flow(slow), input, { settings });
  expect(error).toMatchObject({ code: 'step-timeout', hint: expect.stringContaining('s.slow') });
  expect(reason).toBe(error);
  expect(report.status).toBe('failed');
});

test('a step that throws something of its own when aborted ends the run as the abort says', async () => {
  const on = await bench();
  const own = step('own', ({ signal }) => {
    return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('AbortError'))));
  });
  const settings = { ...noSettings, limits: { 's.own': '50ms' } };
  expect((await on.start(flow(own), input, { settings })).error).toMatchObject({ code: 'step-timeout' });
});

test('a step that does not heed its signal is given up after a while', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const on = await bench();
  const log: string[] = [];
  const begun = Promise.withResolvers<void>();
  const deaf = step('deaf', () => {
    begun.resolve();
    return new Promise(() => {});
  });
  const running = on.start(flow(deed('hold', log, 'atEnd'), deaf), input, {
    settings: { ...noSettings, limits: { 's.deaf': '1s' } },
  });
  await begun.promise;
  await vi.advanceTimersByTimeAsync(1000);
  expect(log).toEqual(['hold']);
  await vi.advanceTimersByTimeAsync(30_000);
  expect((await running).error).toMatchObject({ code: 'step-timeout' });
  expect(log).toEqual(['hold', 'atEnd hold']);
});

test('only errors that say so are tried again, and each attempt is cleaned up before the next', async () => {
  const on = await bench();
  const log: string[] = [];
  let attempts = 0;
  const cleanups = {
    async clean() {
      log.push('clean');
    },
  };
  const run = async ({ onFailure }: LooseContext) => {
    await onFailure('clean', {});
    attempts += 1;
    log.push(`attempt ${attempts}`);
    if (attempts < 2) throw new LifeboatError('unreachable', 'once', { retryable: true });
    return {};
  };
  const settings = { ...noSettings, retries: { 's.flaky': 2, 's.fails': 2 } };
  const { report } = await on.start(flow(step('flaky', run, { cleanups })), input, { settings });
  expect(log).toEqual(['attempt 1', 'clean', 'attempt 2']);
  expect(report.status).toBe('done');
  expect(on.events.filter(({ type }) => type === 'step-started' || type === 'step-retried')).toMatchObject([
    { attempt: 1 },
    { type: 'step-retried', error: { message: 'once' } },
    { attempt: 2 },
  ]);
  const refused = vi.fn(async () => {
    throw new LifeboatError('refused', 'for good');
  });
  await on.start(flow(step('fails', refused)), input, { settings });
  expect(refused).toHaveBeenCalledTimes(1);
});

test('an interrupt ends the step, cleans up, and begins no further step', async () => {
  const on = await bench();
  const log: string[] = [];
  const controller = new AbortController();
  const waits = step('waits', async ({ signal }) => {
    setTimeout(() => controller.abort(new LifeboatError('interrupted', 'interrupted by SIGINT')), 5);
    await delay(60_000, undefined, { signal });
    return {};
  });
  const made = flow(deed('a', log, 'atEnd'), deed('b', log, 'onFailure'), waits, deed('c', log));
  const { report, error } = await on.start(made, input, { signal: controller.signal });
  expect(error).toMatchObject({ code: 'interrupted', message: 'interrupted by SIGINT' });
  expect(report).toMatchObject({ status: 'interrupted', owed: [] });
  expect(log).toEqual(['a', 'b', 'onFailure b', 'atEnd a']);
});

test('findings are on record, and the run is incomplete', async () => {
  const on = await bench();
  const finds = step('finds', async ({ say }) => {
    say({ type: 'finding', subject: '/etc/x', problem: 'unreadable' });
    return {};
  });
  const { report, error } = await on.start(
    flow(
      finds,
      step('more', async () => ({})),
    ),
    input,
  );
  expect(error).toBeUndefined();
  expect(report).toMatchObject({ status: 'incomplete', owed: [] });
  expect(report.findings).toEqual([{ step: 's.finds', subject: '/etc/x', problem: 'unreadable' }]);
  expect(await on.records()).toContainEqual(expect.objectContaining({ type: 'end', findings: report.findings }));
});

test('findings of an attempt that failed are not those of the step', async () => {
  const on = await bench();
  let attempts = 0;
  const finds = step(
    'finds',
    async ({ say }) => {
      attempts += 1;
      say({ type: 'finding', subject: String(attempts), problem: 'x' });
      if (attempts === 1) throw new LifeboatError('unreachable', 'x', { retryable: true });
      return {};
    },
    { retries: 1 },
  );
  expect((await on.start(flow(finds), input)).report.findings).toMatchObject([{ subject: '2' }]);
});

test('an answer is on record, and the same question is not asked twice', async () => {
  const on = await bench();
  const ask = vi.fn(on.context.ask);
  let broken = true;
  const asks = step(
    'asks',
    async ({ ask: question, signal }) => {
      const answer = await question({ id: 'disk', text: 'Which disk?' }, signal);
      if (broken) throw new Error('later');
      return { answer };
    },
    { gives: ['answer'] },
  );
  await on.start(flow(asks), input, { ask });
  broken = false;
  expect((await on.resume(flow(asks), { ask })).state).toMatchObject({ answer: 'answer to disk' });
  expect(ask).toHaveBeenCalledTimes(1);
});

test('a question that nobody can answer fails its step', async () => {
  const on = await bench();
  const asks = step('asks', ({ ask, signal }) => ask({ id: 'x', text: '?' }, signal));
  const { error } = await on.start(flow(asks), input, {
    ask: () => Promise.reject(new LifeboatError('refused', 'nobody is there')),
  });
  expect(error).toMatchObject({ code: 'refused' });
});

test('whatever a step throws ends the run with a report', async () => {
  const on = await bench();
  const throws = step('throws', () => {
    throw 'a string'; // oxlint-disable-line only-throw-error -- what is under test
  });
  expect((await on.start(flow(throws), input)).error).toMatchObject({ code: 'bug', message: 'a string' });
  const last: RunEvent | undefined = on.events.at(-1);
  expect(last).toMatchObject({ type: 'run-finished', status: 'failed' });
});
