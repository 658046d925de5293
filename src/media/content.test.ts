/** What lifeboat calls to look at a machine and to make one anew is in the rescue system. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { debian12Machines, recordedLayout } from '../../test/helpers/recorded-layouts.ts';
import { recordedNetwork } from '../../test/helpers/recorded-networks.ts';
import { packageOf } from '../host/packages.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { withWholeDisks } from '../layout/rebuild/attached.ts';
import { planLayout } from '../layout/rebuild/plan.ts';
import { disksOf } from '../layout/rebuild/site.ts';
import type { Layout } from '../layout/types.ts';
import { networkActions } from '../network/rebuild/actions.ts';
import type { Action } from '../plan/action.ts';
import { toolsFor } from '../plan/preflight.ts';
import { belongs } from './content.ts';

const root = join(import.meta.dirname, '../..');
const lockSchema = z.object({ packages: z.array(z.object({ name: z.string() })) });
const lock = lockSchema.parse(JSON.parse(readFileSync(join(root, 'rescue/packages.lock'), 'utf8')));
const packages = new Set(lock.packages.map(({ name }) => name));

/** Programs that would not be there, or of which nobody knows to which package they belong. */
function absent(programs: ReadonlySet<string>): readonly string[] {
  const isThere = (name: string): boolean =>
    packages.has(packageOf(name) ?? '') && ['bin', 'sbin'].every((place) => belongs(`usr/${place}/${name}`));
  return [...programs]
    .map((one) => basename(one))
    .filter((name) => !isThere(name))
    .sort();
}

/** As many disks as it has, without anything on them. */
function spare(layout: Layout): Layout {
  const disks = disksOf(layout).map(({ wwn: _wwn, ...disk }, index) => ({
    ...disk,
    id: `disk:N${index}`,
    serial: `N${index}`,
  }));
  return { ...layout, components: disks, gaps: [] };
}

/** Nothing for what is made by hand only. */
function planned(wanted: Layout, found: Layout, blank: ReadonlySet<string>): readonly Action[] {
  try {
    return planLayout({ wanted, found, blank }).actions;
  } catch (error) {
    if (error instanceof LifeboatError && error.code === 'unsupported') return [];
    throw error;
  }
}

test('what plans for machines of all kinds call is in it', { timeout: 300_000 }, async () => {
  const called = new Set<string>();
  for (const name of debian12Machines) {
    const wanted = withWholeDisks(await recordedLayout(name));
    const found = spare(wanted);
    const blank = new Set(disksOf(found).map(({ id }) => id));
    for (const tool of toolsFor(planned(wanted, found, blank))) called.add(tool);
  }
  const network = await recordedNetwork('debian12');
  for (const tool of toolsFor(networkActions({ ...network, links: [], routes: [] }, network, []))) called.add(tool);
  for (const one of ['mdadm', 'lvcreate', 'cryptsetup', 'mkfs.xfs', 'ip']) expect(called).toContain(one);
  expect(absent(called)).toEqual([]);
});

const recordingSchema = z.object({ commands: z.array(z.object({ argv: z.array(z.string()) })) });

test('what captures ask is in it, but for what Debian has no kernel for, and packages of a system that runs', () => {
  const called = new Set<string>();
  for (const folder of ['lab', 'ip', 'boot', 'hwraid', 'machine']) {
    for (const file of readdirSync(join(root, 'test/fixtures', folder)).filter((name) => name.endsWith('.json'))) {
      const content: unknown = JSON.parse(readFileSync(join(root, 'test/fixtures', folder, file), 'utf8'));
      const recording = recordingSchema.safeParse(content);
      for (const { argv } of recording.data?.commands ?? []) called.add(argv[0] ?? '');
    }
  }
  expect(called.size).toBeGreaterThan(30);
  expect(absent(called)).toEqual(['dpkg-query', 'zdb', 'zfs', 'zpool']);
});
