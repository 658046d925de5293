/** Filesystems that are made anew on other disks of the same size: what the plain tools say of them is what they said of the first. */
import { expect, test } from 'vitest';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import type { Layout } from '../../../src/layout/types.ts';
import { ofToday } from '../../helpers/suite.ts';
import { filesystemFacts } from '../fs-facts.ts';
import { startLab } from '../lab.ts';
import { allBlank, capture, otherDisks, plainly } from '../rebuild.ts';
import { labOptions, makeStack, readStack, type Scene, scenes } from '../stack.ts';

const { signal } = new AbortController();

/** Of which not all can be made anew, and what is said of it. */
const refused: Readonly<Record<string, string>> = {
  'fs-btrfs-degraded': '1 of its devices were not there',
  'fs-unknown': 'of the kind unknown',
};

const able = scenes('fs-').filter(({ stack }) => refused[stack.name] === undefined);

test.each(able)('$stack.name $release', { timeout: 900_000 }, async (scene) => {
  const first = await originalOf(scene);
  const again = await rebuilt(first.layout, scene);
  expect(again.changes).toEqual([]);
  expect(withoutFiles(again.facts)).toBe(withoutFiles(first.facts));
});

/** What a rescue system of today makes of machines of yesterday: it has later tools, which do more by themselves. */
const later = ofToday(['fs-whole', 'fs-btrfs-raid1'], new Date());

test.each(later)('%s of debian11, made by debian13', { timeout: 900_000 }, async (name) => {
  const stack = readStack(name);
  const first = await originalOf({ release: 'debian11', stack });
  const again = await rebuilt(first.layout, { release: 'debian13', stack });
  expect(again.changes).toEqual([]);
});

async function originalOf({ release, stack }: Scene) {
  await using lab = await startLab(labOptions(stack, release), signal);
  await makeStack(stack, lab, signal);
  return { layout: await capture(lab.host, signal), facts: await filesystemFacts(lab.host, signal) };
}

async function rebuilt(wanted: Layout, { release, stack }: Scene) {
  await using lab = await startLab({ ...labOptions(stack, release), disks: otherDisks({ release, stack }) }, signal);
  const found = await capture(lab.host, signal);
  const plan = planLayout({ wanted, found, blank: allBlank(found) });
  const changes = await applyPlan(plan, { ...plainly, host: lab.host }, signal);
  return { changes, facts: await filesystemFacts(lab.host, signal) };
}

/** What snapshots held is not in a backup. */
function withoutFiles(facts: string): string {
  return facts.replaceAll(/^@snapshots\/first one.*\n/gm, '');
}
