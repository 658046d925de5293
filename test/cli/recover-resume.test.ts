/** A recovery is gone on with by its own command alone, which looks at the disks first. */
import { expect, test } from 'vitest';
import { goingOn } from '../../src/cli/finish.ts';
import { localHost } from '../../src/host/local.ts';
import { noSecrets } from '../../src/kernel/secret.ts';
import { step } from '../../src/steps/define.ts';
import { startRun } from '../../src/workflow/runs.ts';
import { noSettings } from '../../src/workflow/units.ts';
import { stage, workflow } from '../../src/workflow/workflow.ts';
import { sandbox } from '../helpers/cli.ts';

test('"runs resume" goes on with no recovery, and no hint leads there', async ({ signal }) => {
  await using box = await sandbox();
  await using host = localHost();
  const run = async () => await Promise.reject(new Error('cut'));
  const cut = step({ id: 'disks', title: 'cut', needs: [], gives: [], run });
  const flow = workflow({ name: 'recover', title: '', inputs: [], stages: [stage('recreate', [cut])] });
  const context = {
    stateDir: box.state,
    host,
    secrets: noSecrets,
    settings: noSettings,
    openEvents: async () => ({ emit: () => undefined, [Symbol.asyncDispose]: async () => undefined }),
    ask: run,
    version: '1',
    now: () => new Date(),
  };
  const { report } = await startRun(flow, {}, context, signal);
  const globals = {
    config: '/c',
    stateDir: box.state,
    json: true,
    dryRun: false,
    quiet: true,
    logLevel: 'info',
    color: false,
  };
  expect(goingOn(globals, report)).toBe('give the same command again');
  expect(goingOn(globals, { ...report, workflow: 'backup' })).toContain(`runs resume ${report.id}`);
  const { stdout } = await box.run('runs', 'show', report.id);
  expect(stdout).toContain('To go on: give the same command again');
  expect(stdout).toContain(`runs resume ${report.id} --undo`);
  const { code, json } = await box.ask('runs', 'resume', report.id);
  expect({ code, error: json.error }).toMatchObject({
    code: 2,
    error: { code: 'usage', hint: expect.stringContaining('lifeboat recover') },
  });
});
