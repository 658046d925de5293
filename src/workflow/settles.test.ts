/** A step after which nothing that was done before is undone. */
import { expect, onTestFinished, test } from 'vitest';
import {
  type LooseContext,
  looseStep as step,
  oneStage as flow,
  type RunBench,
  runBench,
} from '../../test/helpers/run-bench.ts';

async function bench(): Promise<RunBench> {
  const made = await runBench();
  onTestFinished(() => made[Symbol.asyncDispose]());
  return made;
}

function steps(log: string[]) {
  const cleanups = {
    async undo({ of }: { of: string }) {
      log.push(`undo ${of}`);
    },
    async release() {
      log.push('release');
    },
  };
  const make = step(
    'make',
    async ({ onFailure, onUndo, atEnd }: LooseContext) => {
      log.push('make');
      await onFailure('undo', { of: 'make' });
      await onUndo('undo', { of: 'make for good' });
      await atEnd('release', {});
      return {};
    },
    { cleanups },
  );
  const settle = step('settle', async () => ({}), { settles: true });
  let failures = 1;
  const later = step(
    'later',
    async ({ onFailure }: LooseContext) => {
      await onFailure('undo', { of: 'later' });
      log.push('later');
      if (failures-- > 0) throw new Error('no');
      return {};
    },
    { cleanups },
  );
  return flow(make, settle, later);
}

test('what failed later is undone alone, and what is held is let go and taken again', async () => {
  const on = await bench();
  const log: string[] = [];
  const workflow = steps(log);
  const { report } = await on.start(workflow, { input: 1 });
  expect(report).toMatchObject({ status: 'failed', owed: [] });
  expect(report.finishedSteps.map(({ id }) => id)).toEqual(['s.settle']);
  expect(log.splice(0)).toEqual(['make', 'later', 'undo later', 'release']);
  expect((await on.resume(workflow)).report).toMatchObject({ status: 'done', owed: [] });
  expect(log).toEqual(['make', 'later', 'release']);
});
