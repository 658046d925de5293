/** What a run keeps for a later attempt, and removes only when it is undone. */
import { expect, onTestFinished, test } from 'vitest';
import {
  type LooseContext,
  looseStep as step,
  oneStage as flow,
  type RunBench,
  runBench,
} from '../../test/helpers/run-bench.ts';

const input = { input: 1 };

async function bench(): Promise<RunBench> {
  const made = await runBench();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

/** A step that gathers pieces, one each time it runs, until there are three. */
function gathering(log: string[]) {
  const pieces: number[] = [];
  const cleanups = {
    async remove({ place }: { place: string }) {
      log.push(`remove ${place}`);
      pieces.length = 0;
    },
    async tidy() {
      log.push('tidy');
    },
  };
  const run = async ({ onUndo, onFailure }: LooseContext) => {
    await onUndo('remove', { place: 'staging' });
    await onFailure('tidy', {});
    pieces.push(pieces.length);
    if (pieces.length < 3) throw new Error(`only ${pieces.length}`);
    return {};
  };
  return { pieces, step: step('gather', run, { cleanups }) };
}

test('a step that fails goes on with what it had; what is owed for undoing is owed once, and nothing after a good end', async () => {
  const on = await bench();
  const log: string[] = [];
  const gather = gathering(log);
  const failed = await on.start(flow(gather.step), input);
  expect(failed.report).toMatchObject({ status: 'failed', owed: ['s.gather: remove'] });
  expect((await on.resume(flow(gather.step))).report).toMatchObject({ status: 'failed', owed: ['s.gather: remove'] });
  expect((await on.resume(flow(gather.step))).report).toMatchObject({ status: 'done', owed: [] });
  expect({ log, pieces: gather.pieces }).toEqual({ log: ['tidy', 'tidy'], pieces: [0, 1, 2] });
});

test('undoing removes it', async () => {
  const on = await bench();
  const log: string[] = [];
  const gather = gathering(log);
  await on.start(flow(gather.step), input);
  expect((await on.undo(flow(gather.step))).report).toMatchObject({ status: 'undone', owed: [] });
  expect({ log, pieces: gather.pieces }).toEqual({ log: ['tidy', 'remove staging'], pieces: [] });
});

test('a finished step stays finished when a later one fails, and is undone with it when the run is', async () => {
  const on = await bench();
  const log: string[] = [];
  const run = async ({ onUndo }: LooseContext) => {
    log.push('keep');
    await onUndo('remove', {});
    return {};
  };
  const keep = step('keep', run, { cleanups: { remove: async () => void log.push('remove') } });
  const fail = step('fail', () => Promise.reject(new Error('no')));
  const { report } = await on.start(flow(keep, fail), input);
  expect(report).toMatchObject({ status: 'failed', owed: ['s.keep: remove'], finishedSteps: [{ id: 's.keep' }] });
  await on.resume(flow(keep, fail));
  await on.undo(flow(keep, fail));
  expect(log).toEqual(['keep', 'remove']);
});
