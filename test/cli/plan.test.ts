/** `layout plan` and `layout apply` through the real command line. No disk of this machine is named in any of them. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedHost } from '../../src/host/recorded.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import { sandbox } from '../helpers/cli.ts';

const recordings = join(import.meta.dirname, '../fixtures/lab');

/** Files with a machine as it was, and one with blank disks in its place. */
async function machines(signal: AbortSignal) {
  const box = await sandbox({ bare: true });
  const recording: unknown = JSON.parse(readFileSync(join(recordings, 'md-raid1.debian12.json'), 'utf8'));
  const layout = await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);
  const disks = layout.components.filter(({ kind }) => kind === 'disk');
  const blank = disks.map((disk, index) => ({ ...disk, id: `disk:NEW${index}`, serial: `NEW${index}` }));
  const [wanted, spare] = [join(box.base, 'wanted.json'), join(box.base, 'spare.json')];
  writeFileSync(wanted, JSON.stringify(layout));
  writeFileSync(spare, JSON.stringify({ ...layout, components: blank, gaps: [] }));
  const plan = ['layout', 'plan', '--layout', wanted, '--to', spare] as const;
  return { box, wanted, spare, plan, [Symbol.asyncDispose]: async () => await box[Symbol.asyncDispose]() };
}

test('a plan says which disk takes which place, what is lost, how it will be, and ends with its digest', async ({
  signal,
}) => {
  await using there = await machines(signal);
  const { code, stdout } = await there.box.run(...there.plan, '--commands');
  expect(code).toBe(0);
  expect(stdout).toMatch(/ disk:NEW0 .*\n {2}takes the place of disk:A/);
  expect(stdout).toContain('nothing is on it');
  expect(stdout).toMatch(/mdadm --create .*'<partition:/);
  const again = await there.box.ask(...there.plan);
  expect(again.json).toMatchObject({ format: 'lifeboat.plan/1', digest: expect.stringMatching(/^[0-9a-f]{16}$/) });
  const picture = join(there.box.base, 'plan.svg');
  expect(await there.box.run(...there.plan, '--svg', picture)).toMatchObject({ code: 0 });
  expect(readFileSync(picture, 'utf8')).toContain(`<title>Plan ${String(again.json['digest'])}</title>`);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe(`Digest: ${String(again.json['digest'])}`);
  expect(existsSync(there.box.state)).toBe(false);
});

test('a disk that is named by what it is not, one with data on it, and none at all', async ({ signal }) => {
  await using there = await machines(signal);
  const { box, plan, wanted } = there;
  expect(await box.run(...plan, '--map', 'A')).toMatchObject({ code: 2, stderr: expect.stringContaining('OLD=NEW') });
  expect(await box.run(...plan, '--map', 'A=NEW0', '--map', 'B=NEW0')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--map names disk:NEW0 twice'),
  });
  expect(await box.run(...plan, '--map', 'A=/dev/sda')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no disk \/dev\/sda[^]*NEW0/),
  });
  const onItself = ['layout', 'plan', '--layout', wanted, '--to', wanted] as const;
  expect(await box.run(...onItself)).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('mounted at /mnt/root'),
  });
  const empty = join(box.base, 'empty.json');
  const nothing = { format: 'lifeboat.layout/1', capturedAt: '2026-11-21T12:00:00.000Z', components: [], gaps: [] };
  writeFileSync(empty, JSON.stringify(nothing));
  expect(await box.run('layout', 'plan', '--layout', wanted, '--to', empty)).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/no disk here takes the place of[^]*--map/),
  });
});

test('a plan is carried out only with consent to it, and only on the disks that it was made for', async ({
  signal,
}) => {
  await using there = await machines(signal);
  const { box, plan } = there;
  const file = join(box.base, 'plan.json');
  const { json } = await box.ask(...plan, '--output', file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  // Who only tries is told what would be refused.
  expect(await box.run('layout', 'apply', file, '--dry-run')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('not as they were'),
  });
  expect(existsSync(box.state)).toBe(false);
  for (const yes of [[], ['--yes'], ['--yes=0123456789abcdef']]) {
    const { code, stderr } = await box.run(...yes, 'layout', 'apply', file);
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining(String(json['digest'])) });
  }
  // Agreed to, but these disks are not here.
  const { code, stderr } = await box.run(`--yes=${String(json['digest'])}`, 'layout', 'apply', file);
  expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringContaining('not as they were') });
});

test('a plan that was changed by hand is another plan, and a damaged one is none', async ({ signal }) => {
  await using there = await machines(signal);
  const { box, plan } = there;
  const file = join(box.base, 'plan.json');
  const { json } = await box.ask(...plan, '--output', file);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replaceAll('--level=raid1', '--level=raid0'));
  const yes = `--yes=${String(json['digest'])}`;
  expect(await box.run(yes, 'layout', 'apply', file)).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/not as lifeboat makes it: its action \d+ is not to make the array/),
  });
  writeFileSync(file, text.replace('write onto disk:NEW0', 'leave alone disk:NEW0'));
  expect(await box.run(yes, 'layout', 'apply', file)).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/not as lifeboat makes it: its action \d+ is not to write onto disk:NEW0 that this/),
  });
  writeFileSync(file, text.slice(0, 500));
  expect(await box.run(yes, 'layout', 'apply', file)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not JSON'),
  });
  writeFileSync(file, text.replace('lifeboat.plan/1', 'lifeboat.plan/2'));
  expect(await box.run(yes, 'layout', 'apply', file)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/newer/),
  });
  expect(await box.run(yes, 'layout', 'apply', file, '--key', 'x')).toMatchObject({ code: 1 });
});

test('disks are named by serial number or bus path, and only those are taken, also with something on them', async ({
  signal,
}) => {
  await using there = await machines(signal);
  const { box, plan } = there;
  expect(await box.run(...plan, '--only', 'NEW0')).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/no disk here takes the place of[^]*--rewrite one-disk=disk:A/),
  });
  expect(await box.run(...plan, '--only', 'NEW9')).toMatchObject({ code: 2, stderr: expect.stringContaining('NEW0') });
  const both = await box.run(...plan, '--only', 'NEW0', '--only', 'NEW1');
  expect(both).toMatchObject({ code: 0, stdout: expect.stringContaining('takes the place of') });
});

test('a rule makes it otherwise, help lists them, and what cannot be rewritten is told with what could', async ({
  signal,
}) => {
  await using there = await machines(signal);
  const { box, plan } = there;
  const help = await box.run('layout', 'plan', '--help');
  expect(help.stdout).toMatch(/Rules of --rewrite:[^]*no-raid +an array[^]*uefi/);
  const one = await box.run(...plan, '--rewrite', 'no-raid', '--only', 'NEW0');
  expect(one).toMatchObject({ code: 0, stdout: expect.stringContaining('is no raid1 any more') });
  expect(one.stdout).not.toContain('mdadm');
  expect(await box.run(...plan, '--rewrite', 'no-luks')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing here'),
  });
  expect(await box.run(...plan, '--rewrite', 'no-raid=root')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/no-raid cannot be done to filesystem:[^]*--rewrite no-raid=md:/),
  });
  expect(await box.run(...plan, '--rewrite', 'norad')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('There are: no-raid'),
  });
});

test('what stays on its disk is not written to: on itself nothing is to be done', async ({ signal }) => {
  await using there = await machines(signal);
  const { box, wanted } = there;
  const onItself = ['layout', 'plan', '--layout', wanted, '--to', wanted] as const;
  const { code, json } = await box.ask(...onItself, '--keep', 'A', '--keep', 'B');
  expect(code).toBe(0);
  expect(json).toMatchObject({ actions: [], disks: [] });
  expect(await box.run(...onItself, '--keep', '/nowhere')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing named /nowhere'),
  });
});

test('what is mounted somewhere is left out by that place', async ({ signal }) => {
  await using there = await machines(signal);
  const { code, stdout } = await there.box.run(...there.plan, '--exclude', '/mnt/root');
  expect(code).toBe(0);
  expect(stdout).toMatch(/left out, as told: raid1/);
  expect(stdout).toMatch(/left out, as told: partition 2/);
});
