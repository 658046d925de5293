import { expect, test } from 'vitest';
import type { RunReport } from '../workflow/store.ts';
import { hasBegunToWrite } from './recover-again.ts';

const before = ['find.find', 'verify.read', 'plan.plan', 'agree.agree'];

function report(status: RunReport['status'], finished: readonly string[], more: Partial<RunReport> = {}): RunReport {
  const at = '2026-11-22T06:00:00.000Z';
  const finishedSteps = finished.map((id) => ({ id, ms: 1 }));
  const rest = { format: 'lifeboat.run/1', id: '20261122T060000Z-000000', workflow: 'recover' } as const;
  return { ...rest, status, startedAt: at, lastAt: at, finishedSteps, findings: [], owed: [], ...more };
}

const failed = (code: 'refused' | 'command-failed' | 'failed') => ({
  failedStep: 'recreate.disks',
  error: { code, message: '' },
});

test.each([
  ['killed while it restored', report('killed', [...before, 'recreate.disks', 'mount.root']), true],
  ['killed while it built the disks', report('killed', before), true],
  ['interrupted while it built the disks', report('interrupted', before, { failedStep: 'recreate.disks' }), true],
  ['a command failed on a disk', report('failed', before, failed('command-failed')), true],
  ['finishing failed', report('failed', [...before, 'recreate.disks'], { failedStep: 'finalize.system' }), true],
  ['refused before the first write', report('failed', before, failed('refused')), false],
  ['killed while it read the point', report('killed', ['find.find']), false],
  ['nobody agreed', report('failed', before.slice(0, 3), { failedStep: 'agree.agree' }), false],
  ['done', report('done', [...before, 'recreate.disks']), false],
  ['at work', report('running', [...before, 'recreate.disks']), false],
])('%s', (_, run, isGoneOnWith) => expect(hasBegunToWrite(run)).toBe(isGoneOnWith));
