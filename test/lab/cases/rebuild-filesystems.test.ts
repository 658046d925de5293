/** Filesystems that are made anew on other disks of the same size: what the plain tools say of them is what they said of the first. */
import { expect, test } from 'vitest';
import { applyPlan } from '../../../src/layout/rebuild/apply.ts';
import { planLayout } from '../../../src/layout/rebuild/plan.ts';
import { filesystemFacts } from '../fs-facts.ts';
import { startLab } from '../lab.ts';
import { allBlank, capture, otherDisks, plainly } from '../rebuild.ts';
import { labOptions, makeStack, scenes } from '../stack.ts';

const { signal } = new AbortController();

/** Of which not all can be made anew, and what is said of it. */
const refused: Readonly<Record<string, string>> = {
  'fs-btrfs-degraded': '1 of its devices were not there',
  'fs-unknown': 'of the kind unknown',
};

const able = scenes('fs-').filter(({ stack }) => refused[stack.name] === undefined);

test.each(able)('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  const first = await original();
  await using lab = await startLab({ ...labOptions(stack, release), disks: otherDisks({ release, stack }) }, signal);
  const found = await capture(lab.host, signal);
  const plan = planLayout({ wanted: first.layout, found, blank: allBlank(found) });
  expect(await applyPlan(plan, { ...plainly, host: lab.host }, signal)).toEqual([]);
  expect(withoutFiles(await filesystemFacts(lab.host, signal))).toBe(withoutFiles(first.facts));

  async function original() {
    await using machine = await startLab(labOptions(stack, release), signal);
    await makeStack(stack, machine, signal);
    const layout = await capture(machine.host, signal);
    return { layout, facts: await filesystemFacts(machine.host, signal) };
  }
});

/** Without snapshots, and what lies in files and on what can be pulled out. */
function withoutFiles(facts: string): string {
  return facts.replaceAll(/^@snapshots\/first one.*\n/gm, '');
}
