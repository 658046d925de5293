/** Plans for the recorded stacks: pure, whole, and only for the disks that they name. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { debian12Machines, recordedLayout } from '../../../test/helpers/recorded-layouts.ts';
import { commandText, devicesOf } from '../../plan/action.ts';
import type { Component, ComponentOf, Layout } from '../types.ts';
import { withWholeDisks } from './attached.ts';
import { devicePath, diskPaths } from './paths.ts';
import { parsePlan, planDigest } from './document.ts';
import { planLayout } from './plan.ts';
import { refuseHeld, refuseUsed } from './refusals.ts';
import { siteOf } from './site.ts';
import { teardown } from './teardown.ts';
import { planText } from './text.ts';

/** A machine with blank disks of these sizes, and nothing else. */
function bareMachine(disks: readonly ComponentOf<'disk'>[]): Layout {
  const components = disks.map((disk, index) => ({
    ...disk,
    id: `disk:NEW${index}`,
    serial: `NEW${index}`,
    device: `/dev/sd${'abcdefgh'[index]}`,
  }));
  return { format: 'lifeboat.layout/1', capturedAt: '2026-11-21T12:00:00.000Z', components, gaps: [] };
}

const disksOf = ({ components }: Layout) => components.filter((one): one is ComponentOf<'disk'> => one.kind === 'disk');
const stacks = debian12Machines.filter((name) =>
  /^(bcache|crypt|firmware|fs|integrity|iscsi|luks[12]|lvm|md|multipath|raid1|reencrypt)\b/.test(name),
);

/** Of which something cannot be made anew, and why. */
const refused: Readonly<Record<string, string>> = {
  'firmware-raid.debian12': 'whose UUIDs nobody can choose',
  'fs-btrfs-degraded.debian12': '1 of its devices were not there',
  'fs-unknown.debian12': 'of the kind unknown',
  'md-raid4-inactive.debian12': 'and it needs all',
  'reencrypt-luks2.debian12': 'it was being changed',
};

test.each(stacks)('%s on blank disks', async (name) => {
  const wanted = await recordedLayout(name);
  const found = bareMachine(disksOf(withWholeDisks(wanted)).filter(({ sizeBytes }) => sizeBytes > 0));
  const request = { wanted, found, blank: new Set(found.components.map(({ id }) => id)) };
  if (refused[name] !== undefined) {
    expect(() => planLayout(request)).toThrow(refused[name]);
    return;
  }
  const plan = planLayout(request);
  expect(parsePlan(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  expect(planDigest(planLayout(request))).toBe(planDigest(plan));
  // Every device that a command names is there by then, and lies on disks that the action says it writes to.
  const site = siteOf(plan.layout.components);
  const paths = diskPaths(disksOf(plan.layout));
  const mapped = new Set(plan.disks.map(({ id }) => id));
  for (const { writes, commands, again = [] } of plan.actions) {
    expect(writes.every((id) => mapped.has(id))).toBe(true);
    for (const id of [...commands, ...again].flatMap(devicesOf)) {
      expect(devicePath(id, site, paths)).toMatch(/^\/dev\//);
      expect(site.disksUnder(id).every((disk) => writes.includes(disk))).toBe(true);
    }
  }
  await expect(planText(plan, true)).toMatchFileSnapshot(join(import.meta.dirname, `__snapshots__/${name}.plan.txt`));
});

test('a name of a device is no part of what is agreed to; which disk it is, is', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = bareMachine(disksOf(wanted));
  const blank = new Set(found.components.map(({ id }) => id));
  const renamed: Layout = { ...found, components: disksOf(found).map((disk) => ({ ...disk, device: '/dev/nvme0n1' })) };
  const digest = planDigest(planLayout({ wanted, found, blank }));
  expect(planDigest(planLayout({ wanted, found: renamed, blank }))).toBe(digest);
  const other: Layout = { ...found, components: disksOf(found).map((disk) => ({ ...disk, id: `${disk.id}x` })) };
  expect(
    planDigest(planLayout({ wanted, found: other, blank: new Set(other.components.map(({ id }) => id)) })),
  ).not.toBe(digest);
});

test('without knowing what is mounted nothing is planned: the disk of the repository could be taken for one that nobody uses', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = bareMachine(disksOf(wanted));
  const blank = new Set(found.components.map(({ id }) => id));
  const deaf = { ...found, gaps: [{ subject: 'findmnt', problem: 'findmnt did not end within 15 s' }] };
  expect(() => planLayout({ wanted, found: deaf, blank })).toThrow('was not told: findmnt: findmnt did not end');
  const other = { ...found, gaps: [{ subject: 'mdadm', problem: 'there is no program mdadm' }] };
  expect(planLayout({ wanted, found: other, blank }).disks).toHaveLength(2);
});

/** The same machine with nothing in use. */
function atRest(layout: Layout): Layout {
  return { ...layout, components: layout.components.filter(({ kind }) => kind !== 'mount' && kind !== 'boot') };
}

test('a disk with data on it is not taken, also when it is the same disk, unless a person names it and hears what is lost', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = atRest(wanted);
  const blank = new Set<string>();
  expect(() => planLayout({ wanted, found: bareMachine(disksOf(wanted)), blank })).toThrow(
    'no disk here takes the place of',
  );
  expect(() => planLayout({ wanted, found, blank })).toThrow('(disk:A) is disk:A, and something is on it');
  const named = new Map([
    ['disk:A', 'disk:A'],
    ['disk:B', 'disk:B'],
  ]);
  const plan = planLayout({ wanted, found, blank, named });
  expect(plan.disks.map(({ destroys }) => destroys.length)).toEqual([5, 5]);
  const order = plan.actions.map(({ id }) => id.replace(/ .*/, ''));
  expect(order.slice(0, 9)).toEqual(['wipe', 'release', 'mark', 'mark', 'wipe', 'wipe', 'wipe', 'wipe', 'settle']);
  // Who held on to it may have let go by the time that it is tried again.
  const [stop] = plan.actions.flatMap(({ id, commands }) => (id.startsWith('release ') ? [commands] : []));
  const tried = plan.actions.filter(({ id }) => /^(mark|wipe (partition|disk))/.test(id));
  expect(tried.map(({ again }) => again)).toEqual(tried.map(() => stop));
});

test('what lies in files and in memory comes back with the files', async () => {
  for (const name of ['fs-loop.debian12', 'fs-swap.debian12']) {
    const wanted = await recordedLayout(name);
    const found = bareMachine(disksOf(wanted).filter(({ sizeBytes }) => sizeBytes > 0));
    const plan = planLayout({ wanted, found, blank: new Set(found.components.map(({ id }) => id)) });
    const kinds = new Set(plan.layout.components.map(({ kind }) => kind));
    expect(kinds.has('loop') || kinds.has('zram')).toBe(false);
    expect(plan.actions.length).toBeGreaterThan(0);
  }
});

test('a disk that can be pulled out is left out, unless somebody names it', async () => {
  const wanted = await recordedLayout('md-raid0.debian12');
  const pulled: Layout = {
    ...wanted,
    components: wanted.components.map((one) => (one.kind === 'disk' ? { ...one, removable: true } : one)),
  };
  const found = bareMachine(disksOf(wanted));
  const blank = new Set(found.components.map(({ id }) => id));
  const plan = planLayout({ wanted: pulled, found, blank });
  expect(plan.actions).toEqual([]);
  expect(plan.notes.some((note) => note.startsWith('left out, as it can be pulled out: disk'))).toBe(true);
  const named = new Map(disksOf(wanted).map(({ id }, index) => [id, `disk:NEW${index}`]));
  expect(planLayout({ wanted: pulled, found, blank, named }).actions.length).toBeGreaterThan(0);
});

test('what lies on a disk that nobody gave up, too, is not taken apart', async () => {
  const wanted = atRest(await recordedLayout('md-raid1.debian12'));
  const other = await recordedLayout('md-raid0.debian12');
  const [disk] = disksOf(wanted);
  const one: Layout = { ...wanted, components: disksOf(other).slice(0, 1) };
  const table: Component = {
    kind: 'table',
    id: 'table:x',
    on: [one.components[0]?.id ?? ''],
    type: 'gpt',
    geometry: { sectorSize: 512 },
  };
  const request = {
    wanted: { ...one, components: [...one.components, table] },
    found: wanted,
    blank: new Set<string>(),
  };
  const named = new Map([[one.components[0]?.id ?? '', disk?.id ?? '']]);
  expect(() => planLayout({ ...request, named })).toThrow(/raid1 .* lies on disk:B too/);
});

test('what makes devices and cannot be stopped yet is not written over', async () => {
  // Somebody mapped the third disk by hand.
  const now = siteOf(atRest(await recordedLayout('fs-unknown.debian12')).components);
  expect(() => refuseHeld(['disk:C'], now)).toThrow('cannot be stopped yet');
  expect(() => refuseHeld(['disk:A'], now)).not.toThrow();
});

test('what two hosts have, or no tool can make as it was, is refused by name, and let go of where its disks are needed', async () => {
  const drbd = await recordedLayout('drbd.debian12');
  const zfs = await recordedLayout('zfs.debian12');
  const refusedBy = (wanted: Layout): (() => unknown) => {
    const found = bareMachine(disksOf(wanted).filter(({ sizeBytes }) => sizeBytes > 0));
    return () => planLayout({ wanted, found, blank: new Set(disksOf(found).map(({ id }) => id)) });
  };
  expect(refusedBy(drbd)).toThrow('drbdadm create-md');
  expect(refusedBy(zfs)).toThrow('zpool create');
  for (const [used, stops] of [
    [drbd, 'drbdsetup down pair'],
    [zfs, 'zpool export tank'],
  ] as const) {
    const found = atRest(used);
    const disks = disksOf(found).filter(({ sizeBytes }) => sizeBytes > 0);
    const blank = new Set(disks.map(({ id }) => id));
    const before = siteOf(found.components.filter((one) => one.kind !== 'disk' || blank.has(one.id)));
    const commands = teardown(before, [...blank], new Map()).flatMap((action) => action.commands);
    expect(commands.map((command) => commandText(command, (id) => id))).toContain(stops);
  }
});

test('a disk with the repository on it is never taken, and called so', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const named = new Map(disksOf(wanted).map(({ id }) => [id, id]));
  const request = { wanted, found: wanted, blank: new Set<string>(), named };
  expect(() => planLayout({ ...request, repository: '/mnt/root/backup' })).toThrow('it holds the repository');
  expect(() => planLayout({ ...request, repository: '/mnt/rooted' })).toThrow('it is mounted at /mnt/root');
});

test('who names a disk gets that one or hears why not, never another', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = bareMachine([...disksOf(wanted), ...disksOf(wanted)]);
  const blank = new Set(found.components.map(({ id }) => id));
  const both = new Map([
    ['disk:A', 'disk:NEW1'],
    ['disk:B', 'disk:NEW1'],
  ]);
  expect(() => planLayout({ wanted, found, blank, named: both })).toThrow(
    'disk:NEW1 cannot take the place of disk:B: it takes that of disk:A',
  );
  // Who names a disk for one that is left out has agreed to nothing else on it.
  const used = atRest(wanted);
  const exclude = new Set(['disk:A']);
  const other = new Map([['disk:A', 'disk:B']]);
  expect(() => planLayout({ wanted: used, found: used, blank: new Set(), exclude, named: other })).toThrow(
    '(disk:B) is disk:B, and something is on it',
  );
});

test('of the last disk that is there and far too small it is told how large it would have to be', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const tiny = disksOf(wanted).map((disk) => ({ ...disk, sizeBytes: 16 << 20 }));
  const found = bareMachine(tiny);
  const blank = new Set(found.components.map(({ id }) => id));
  expect(() => planLayout({ wanted, found, blank })).toThrow(
    /disk:A has 16.0 MiB, and a disk of at least .* for ext4 "root"/,
  );
});

test('what nobody could see is told: it is not in the plan, nor in what is lost', async () => {
  const wanted = await recordedLayout('md-raid0.debian12');
  const found = bareMachine(disksOf(wanted));
  const blank = new Set(found.components.map(({ id }) => id));
  const gap = (subject: string) => [{ subject, problem: 'did not answer' }];
  const plan = planLayout({
    wanted: { ...wanted, gaps: gap('lvs') },
    found: { ...found, gaps: gap('/dev/sdb') },
    blank,
  });
  expect(plan.notes).toEqual([
    'not seen when it was captured, by the names of then: lvs: did not answer',
    'not seen on the machine to build on: /dev/sdb: did not answer',
  ]);
});

test('a disk of which a part is in use by the time is not written to', async () => {
  const mounted = await recordedLayout('md-raid1.debian12');
  expect(() => refuseUsed(['disk:A'], mounted)).toThrow('it is mounted at /mnt/root');
  expect(() => refuseUsed(['disk:A'], atRest(mounted))).not.toThrow();
});

test('a disk that somebody uses is not taken, whoever names it', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const named = new Map([
    ['disk:A', 'disk:A'],
    ['disk:B', 'disk:B'],
  ]);
  expect(() => planLayout({ wanted, found: wanted, blank: new Set(), named })).toThrow(
    'cannot be taken: it is mounted at /mnt/root',
  );
});

test('on disks with larger sectors, what would be too fine for them is made otherwise, and that is told', async () => {
  const wanted = await recordedLayout('fs-whole.debian12');
  const disks = disksOf(wanted).filter(({ serial, sizeBytes }) => sizeBytes > 0 && serial !== 'D');
  const found = bareMachine(disks.map((disk) => ({ ...disk, logicalSector: 4096 })));
  const exclude = new Set(['disk:D']);
  const { layout, notes } = planLayout({ wanted, found, exclude, blank: new Set(disksOf(found).map(({ id }) => id)) });
  const xfs = layout.components.find((one) => one.kind === 'xfs');
  expect(xfs?.geometry).toMatchObject({ sectorSize: 4096, log: { sectorSize: 4096, stripeUnit: 1 } });
  const f2fs = layout.components.find((one) => one.kind === 'f2fs');
  expect(f2fs?.geometry).toMatchObject({ sectorSize: 4096 });
  expect(notes.filter((note) => note.includes('too small for sectors of 4096'))).toHaveLength(2);
  // Blocks of 1 KiB.
  const small = planLayout({
    wanted: await recordedLayout('md-raid0.debian12'),
    found: bareMachine(
      disksOf(await recordedLayout('md-raid0.debian12')).map((disk) => ({ ...disk, logicalSector: 4096 })),
    ),
    blank: new Set(['disk:NEW0', 'disk:NEW1', 'disk:NEW2', 'disk:NEW3']),
  });
  expect(small.layout.components.find((one) => one.kind === 'ext')).toMatchObject({ renewed: true, type: 'ext4' });
  const mke2fs = small.actions.flatMap(({ commands }) => commands).find(({ argv: [program] }) => program === 'mke2fs');
  expect(mke2fs?.argv).not.toContain('-b');
  expect(mke2fs?.argv).toContain('-U');
});

test('a rescue medium is never taken, also one that was not started from, whoever names it', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = bareMachine(disksOf(wanted));
  const [disk] = disksOf(found);
  const medium: Component = {
    kind: 'vfat',
    id: 'filesystem:0123-4567',
    on: [disk?.id ?? ''],
    type: 'vfat',
    uuid: '0123-4567',
    label: 'LIFEBOAT',
    sizeBytes: disk?.sizeBytes ?? 0,
  };
  const there = { ...found, components: [...found.components, medium] };
  const only = new Set(disksOf(found).map(({ id }) => id));
  expect(() => planLayout({ wanted, found: there, blank: new Set(), only })).toThrow('it is a rescue medium');
  const named = new Map([['disk:A', disk?.id ?? '']]);
  expect(() => planLayout({ wanted, found: there, blank: only, named })).toThrow(
    'cannot be taken: it is a rescue medium',
  );
});

test('where disks are named, others are not taken, also when they are the same or blank', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const spare = disksOf(bareMachine(disksOf(wanted)));
  const found = { ...wanted, components: [...disksOf(wanted), ...spare] };
  const blank = new Set(disksOf(found).map(({ id }) => id));
  expect(planLayout({ wanted, found, blank }).disks.map(({ id }) => id)).toEqual(['disk:A', 'disk:B']);
  const plan = planLayout({ wanted, found, blank, only: new Set(spare.map(({ id }) => id)) });
  expect(plan.disks.map(({ id, blank: is }) => [id, is])).toEqual([
    ['disk:NEW0', true],
    ['disk:NEW1', true],
  ]);
  expect(() => planLayout({ wanted, found, blank, only: new Set(['disk:NEW0']) })).toThrow(
    'no disk here takes the place of',
  );
});

test('a disk that is not empty and holds no signature is not called empty', async () => {
  const wanted = await recordedLayout('md-raid1.debian12');
  const found = bareMachine(disksOf(wanted));
  const only = new Set(disksOf(found).map(({ id }) => id));
  const text = planText(planLayout({ wanted, found, blank: new Set(['disk:NEW1']), only }));
  expect(text.match(/on it now is something that nothing here knows/g)).toHaveLength(1);
  expect(text.match(/nothing is on it now/g)).toHaveLength(1);
});
