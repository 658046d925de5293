import { open, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backedUp, pointsOf, sandbox } from '../../test/helpers/cli.ts';
import { layoutOf } from '../../test/helpers/small-layout.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { loadConfig } from '../config/load.ts';
import type { Host } from '../host/host.ts';
import { localHost } from '../host/local.ts';
import type { Json } from '../kernel/json.ts';
import { noSecrets } from '../kernel/secret.ts';
import { type Plan, planFormat } from '../layout/rebuild/document.ts';
import { markOf } from '../layout/rebuild/half-done.ts';
import { markAction, markContent } from '../layout/rebuild/mark.ts';
import { step } from '../steps/define.ts';
import { startRun } from '../workflow/runs.ts';
import { noSettings } from '../workflow/units.ts';
import { stage, workflow } from '../workflow/workflow.ts';
import type { RunReport } from '../workflow/store.ts';
import { earlierRun, hasBegunToWrite } from './recover-again.ts';

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

const size = 4 << 20;

/** One disk, in a file, on which an attempt was cut off while it brought files back. */
function planOn(device: string): Plan {
  const disk = { kind: 'disk' as const, id: 'disk:S1', on: [], device, serial: 'S1', sizeBytes: size };
  const layout = layoutOf({ ...disk, rotational: false, removable: false, readOnly: false });
  const writes = ['disk:S1'];
  const about = { device, sizeBytes: size, blank: true, from: 'disk:S1', certainty: 'same' as const, score: 0 };
  return {
    format: planFormat,
    of: 'machine',
    disks: [{ id: 'disk:S1', ...about, reasons: [], destroys: [] }],
    untouched: [],
    before: layout,
    layout,
    fates: { old: [], new: [] },
    actions: [{ id: markAction('disk:S1'), title: '', component: 'disk:S1', writes, commands: [] }],
    notes: [],
  };
}

const point: Json = { id: 'p1' };

/** @param more what is otherwise in the inputs of the recovery */
async function attempt(directory: string, local: Host, more: Record<string, Json>, signal: AbortSignal) {
  const device = join(directory, 'disk');
  const plan = planOn(device);
  await writeFile(device, '');
  await truncate(device, size);
  const write = async (content: Buffer) => {
    await using file = await open(device, 'r+');
    await file.write(content, 0, content.length, (1 << 20) - content.length);
  };
  const node = {
    name: 'disk',
    path: device,
    type: 'disk',
    serial: 'S1',
    wwn: null,
    model: null,
    size,
    ro: false,
    mountpoint: null,
  };
  const seen = { isThere: true };
  const host: Host = {
    ...local,
    run: async (argv, options, inner) => {
      if (argv[0] !== 'lsblk') return await local.run(argv, options, inner);
      const stdout = Buffer.from(JSON.stringify({ blockdevices: seen.isThere ? [node] : [] }));
      return { code: 0, stdout, stderr: '' };
    },
  };
  const context = {
    stateDir: directory,
    host,
    secrets: noSecrets,
    settings: noSettings,
    openEvents: async () => ({ emit: () => undefined, [Symbol.asyncDispose]: async () => undefined }),
    ask: async () => await Promise.reject(new Error('nobody is asked')),
    version: '1',
    now: () => new Date(),
  };
  const inputs: Record<string, Json> = {
    config: {},
    hostName: 'box',
    pointName: 'p1',
    recoverRequest: {},
    destination: {},
    point,
    layoutPlan: JSON.parse(JSON.stringify(plan)),
    ...more,
  };
  const built = step({ id: 'disks', title: 'built', needs: [], gives: [], run: async () => await Promise.resolve({}) });
  const fails = step({
    id: 'files',
    title: 'cut',
    needs: [],
    gives: [],
    run: async () => await Promise.reject(new Error('cut')),
  });
  const stages = [stage('recreate', [built]), stage('restore', [fails])];
  const flow = workflow({ name: 'recover', title: '', inputs: Object.keys(inputs), stages });
  const session = { context, host, opening: { say: () => undefined, secrets: noSecrets }, signal };
  const earlier = async (isNew = false, now: Record<string, Json> = {}) =>
    await earlierRun({ ...inputs, ...now }, isNew, session);

  return { plan, write, seen, earlier, cutOff: async () => (await startRun(flow, inputs, context, signal)).report };
}

test('what was cut off is gone on with while the disks bear its marks and nobody wants otherwise', async ({
  signal,
}) => {
  await using place = await temporaryDirectory();
  await using local = localHost();
  const { plan, write, seen, earlier, cutOff } = await attempt(place.path, local, {}, signal);
  expect(await earlier()).toBeUndefined();
  const report = await cutOff();
  await write(markContent(markOf(plan, 'disk:S1', new Date())));
  expect(await earlier()).toEqual({
    id: report.id,
    text: expect.stringMatching(
      new RegExp(`^Going on with .*run ${report.id}, begun ${report.startedAt}, .* ago, point p1.*--new$`),
    ),
  });
  expect(await earlier(true)).toMatchObject({ id: report.id, why: 'as told' });
  expect(await earlier(false, { pointName: 'p2' })).toBeUndefined();
  await write(markContent(markOf({ ...plan, of: 'another' }, 'disk:S1', new Date())));
  expect(await earlier()).toMatchObject({ why: expect.stringContaining('disk:S1 does not bear its mark') });
  await write(markContent(markOf(plan, 'disk:S1', new Date())));
  expect((await earlier())?.why).toBeUndefined();
  seen.isThere = false;
  expect(await earlier()).toMatchObject({
    why: expect.stringContaining('disk:S1 is not here'),
    text: expect.stringMatching(/^Beginning anew/),
  });
});

test('a later point is another one, where the last is meant', async ({ signal }) => {
  await using box = await backedUp(await sandbox());
  await using place = await temporaryDirectory();
  await using local = localHost();
  const [first = ''] = pointsOf(box).listed;
  const config: Json = JSON.parse(JSON.stringify(await loadConfig(box.config)));
  const more = { config, pointName: 'latest', point: { id: first } };
  const { plan, write, earlier, cutOff } = await attempt(place.path, local, more, signal);
  await cutOff();
  await write(markContent(markOf(plan, 'disk:S1', new Date())));
  expect(await earlier()).not.toHaveProperty('why');
  await backedUp(box);
  const later = pointsOf(box).listed.find((id) => id !== first);
  expect(await earlier()).toMatchObject({ why: `there is a later point, ${later}` });
  // Nobody can be asked: then the one that is known is the last.
  await rm(box.repository, { recursive: true });
  expect(await earlier()).not.toHaveProperty('why');
});
