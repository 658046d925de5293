import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { openFileTarget } from '../../src/target/file/file.ts';
import { memoryTarget } from '../../src/target/memory/memory.ts';
import { withLog } from '../../src/target/wrap/log.ts';
import { withRetry } from '../../src/target/wrap/retry.ts';
import { faultyTarget, flaky, type TargetFault } from '../fault/faulty-target.ts';
import { describeTarget } from './target.ts';

let root = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'lifeboat-target-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

const policy = { attempts: 4, delayMs: 1, maxDelayMs: 2 };

/** Each verb fails at its first call and at some later ones, each time in a way that retrying heals. */
const script: readonly TargetFault[] = [
  { verb: 'put', times: 3, does: { fail: flaky() } },
  { verb: 'put', call: 7, does: { fail: flaky() } },
  { verb: 'get', does: { fail: flaky() } },
  { verb: 'get', call: 2, times: 2, does: { cutAfter: 3, fail: flaky() } },
  { verb: 'get', call: 5, does: { cutAfter: 1_500_000, fail: flaky() } },
  { verb: 'stat', times: 2, does: { fail: flaky() } },
  { verb: 'list', does: { fail: flaky() } },
  { verb: 'list', call: 2, does: { lostAnswer: flaky() } },
  { verb: 'remove', times: 2, does: { lostAnswer: flaky() } },
];

describeTarget('memory', { open: async () => memoryTarget('conformance') });

describeTarget('file', { open: (signal) => openFileTarget(join(root, 'file'), { create: true }, signal) });

describeTarget('retry over memory', {
  open: async () => withRetry(memoryTarget('conformance-retry'), policy, () => undefined),
});

describeTarget('log over memory', {
  open: async () => withLog(memoryTarget('conformance-log'), () => undefined),
});

describeTarget('retry over a faulty file', {
  async open(signal) {
    const file = await openFileTarget(join(root, 'faulty'), { create: true }, signal);
    return withRetry(faultyTarget(file, script), policy, () => undefined);
  },
});
