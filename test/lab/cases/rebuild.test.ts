/** Stacks that are made anew on blank disks by their plan: what came of it is what the plain tools say of the first. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { captureLayout } from '../../../src/layout/capture.ts';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { openProgress } from '../../../src/plan/progress.ts';
import { startLab } from '../lab.ts';
import { ofToday } from '../../helpers/suite.ts';
import { makeStack, readStack } from '../stack.ts';

const { signal } = new AbortController();
const capture = async (host: Host): Promise<Layout> =>
  parseLayout(await captureLayout(host, new Date('2026-11-21T12:00:00Z'), signal));
const disksOf = (layout: Layout) =>
  layout.components.flatMap((one) => (one.kind === 'disk' && one.sizeBytes > 0 ? [one] : []));
const blankOf = (layout: Layout) => new Set(disksOf(layout).map(({ id }) => id));

/** Nothing is remembered: a kill is the matter of other tests. */
const noProgress = { begun: new Set<string>(), ended: new Set<string>(), begin: async () => {}, end: async () => {} };
const given = async (name: string): Promise<Uint8Array> => await Promise.reject(new Error(`nobody gives ${name}`));

/** What the plain tools say of devices, in the order of their serial numbers, without names that the kernel gives. */
const facts = `
sfdisk -d "$1" 2> /dev/null | grep -v '^device\\|^last-lba' | sed 's|^/dev/[^ ]* *: |: |' || true
blkid -o export "$1"* 2> /dev/null | grep -E '^(UUID|LABEL|TYPE|PARTUUID|PARTLABEL|UUID_SUB)=' | grep -v UUID_SUB | sort || true
`;

/** All of these comes back as it was; of others something does not yet, such as the flags of single members. */
const whole = [
  'md-journal',
  'md-linear',
  'md-raid0',
  'md-raid1',
  'md-raid10-far',
  'md-raid5-090',
  'lvm-linear',
  'lvm-on-md',
];
const able = ofToday(
  whole.map((name) => ({ release: 'debian12' as const, stack: readStack(name) })),
  new Date(),
);

test.each(able)(
  '$stack.name $release on blank disks of the same size',
  { timeout: 900_000 },
  async ({ release, stack }) => {
    const first = await original(release, stack);
    const disks = stack.disks.map((disk) => ({ ...disk, serial: `N${disk.serial}` }));
    await using lab = await startLab({ release, disks }, signal);
    const found = await capture(lab.host);
    const plan = planLayout({ wanted: first.layout, found, blank: blankOf(found) });
    const changes = await applyPlan(plan, { host: lab.host, progress: noProgress, given, say: () => {} }, signal);
    expect(changes).toEqual([]);
    for (const { id, from } of plan.disks) {
      const device = lab.devices.get(id.replace('disk:', '')) ?? '';
      expect(await said(lab.host, device)).toBe(first.facts.get(from));
    }
  },
);

async function original(release: (typeof able)[number]['release'], stack: (typeof able)[number]['stack']) {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = await capture(lab.host);
  const found = new Map<string, string>();
  for (const [serial, device] of lab.devices)
    if (serial !== '') found.set(`disk:${serial}`, await said(lab.host, device));
  return { layout, facts: found };
}

async function said(host: Host, device: string): Promise<string> {
  return (await host.run(['sh', '-c', facts, 'sh', device], {}, signal)).stdout.toString();
}

test('cut off in every action, and gone on with: the same comes of it', { timeout: 1_800_000 }, async () => {
  const stack = readStack('lvm-on-md');
  const first = await original('debian12', stack);
  const disks = stack.disks.map((disk) => ({ ...disk, serial: `N${disk.serial}` }));
  await using lab = await startLab({ release: 'debian12', disks }, signal);
  const found = await capture(lab.host);
  const plan = planLayout({ wanted: first.layout, found, blank: blankOf(found) });
  const file = join(await mkdtemp(join(tmpdir(), 'lifeboat-rebuild-')), 'progress.jsonl');
  await using _removed = { [Symbol.asyncDispose]: async () => await rm(dirname(file), { recursive: true }) };
  for (const [index, action] of plan.actions.entries()) {
    await using progress = await openProgress(file);
    // All that it does is done; that it ended is not on record.
    const end = async (id: string): Promise<void> => {
      if (id === action.id) throw new Error(`cut off at ${id}`);
      await progress.end(id, signal);
    };
    const application = { host: lab.host, progress: { ...progress, end }, given, say: () => {} };
    await expect(applyPlan(plan, application, signal), action.title).rejects.toThrow(`cut off at ${action.id}`);
    expect(progress.ended.size).toBe(Math.max(0, index - 1));
  }
  await using progress = await openProgress(file);
  expect(await applyPlan(plan, { host: lab.host, progress, given, say: () => {} }, signal)).toEqual([]);
});

test('disks that are not as the plan saw them are not touched', { timeout: 900_000 }, async () => {
  const stack = readStack('md-raid1');
  const first = await original('debian12', stack);
  const disks = stack.disks.map((disk) => ({ ...disk, serial: `N${disk.serial}` }));
  await using lab = await startLab({ release: 'debian12', disks }, signal);
  const found = await capture(lab.host);
  const plan = planLayout({ wanted: first.layout, found, blank: blankOf(found) });
  const device = lab.devices.get('NB') ?? '';
  await lab.host.run(['mkfs.ext4', '-q', '-F', '-L', 'mine', device], {}, signal);
  const application = { host: lab.host, progress: noProgress, given, say: () => {} };
  await expect(applyPlan(plan, application, signal)).rejects.toMatchObject({ code: 'refused' });
  expect(await said(lab.host, device)).toContain('LABEL=mine');
  expect((await capture(lab.host)).components.filter(({ kind }) => kind === 'table')).toEqual([]);
});

test('used disks: refused while they are in use, else torn down and made anew', { timeout: 1_800_000 }, async () => {
  const stack = readStack('lvm-on-md');
  await using lab = await startLab({ release: 'debian12', disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const wanted = await capture(lab.host);
  const named = new Map(disksOf(wanted).map(({ id }) => [id, id]));
  const inUse = wanted.components.flatMap((one) => (one.kind === 'mount' && one.on.length > 0 ? [one] : []));
  for (const { path } of inUse.filter(({ category }) => category === 'local')) {
    await lab.host.run(['umount', path], {}, signal);
  }
  const plan = planLayout({ wanted, found: await capture(lab.host), blank: new Set(), named });
  const application = { host: lab.host, progress: noProgress, given, say: () => {} };
  const device = '/dev/mapper/system-root';
  await lab.host.run(['mount', device, '/mnt'], {}, signal);
  await lab.host.run(['touch', '/mnt/mine'], {}, signal);
  await expect(applyPlan(plan, application, signal)).rejects.toMatchObject({ code: 'refused' });
  await lab.host.run(['test', '-e', '/mnt/mine'], {}, signal);
  await lab.host.run(['umount', '/mnt'], {}, signal);
  expect(await applyPlan(plan, application, signal)).toEqual([]);
  await lab.host.run(['mount', device, '/mnt'], {}, signal);
  await expect(lab.host.run(['test', '-e', '/mnt/mine'], {}, signal)).rejects.toMatchObject({ code: 'command-failed' });
});

test('a disk that somebody took since a plan was cut off is theirs', { timeout: 900_000 }, async () => {
  const stack = readStack('md-raid1');
  const first = await original('debian12', stack);
  const disks = stack.disks.map((disk) => ({ ...disk, serial: `N${disk.serial}` }));
  await using lab = await startLab({ release: 'debian12', disks }, signal);
  const found = await capture(lab.host);
  const plan = planLayout({ wanted: first.layout, found, blank: blankOf(found) });
  const marks = plan.actions.flatMap(({ id }) => (id.startsWith('mark ') ? [id] : []));
  expect(marks).toHaveLength(2);
  const progress = { ...noProgress, begun: new Set(marks), ended: new Set(marks) };
  const device = lab.devices.get('NA') ?? '';
  await lab.host.run(['mkfs.ext4', '-q', '-F', '-L', 'mine', device], {}, signal);
  const application = { host: lab.host, progress, given, say: () => {} };
  await expect(applyPlan(plan, application, signal)).rejects.toMatchObject({ code: 'refused' });
  expect(await said(lab.host, device)).toContain('LABEL=mine');
});
