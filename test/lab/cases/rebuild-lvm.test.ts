/** Groups with volumes of all kinds, made anew on blank disks, each volume where it lay: what the plain tools say is what they said of the first. */
import { expect, test } from 'vitest';
import { ofToday } from '../../helpers/suite.ts';
import { rebuiltStack, rememberedStack } from '../rebuilt.ts';
import { readStack } from '../stack.ts';

const { signal } = new AbortController();

const stacks = [
  'lvm-cache',
  'lvm-linear',
  'lvm-missing',
  'lvm-on-md',
  'lvm-raid',
  'lvm-snapshot',
  'lvm-thin',
  'lvm-vdo',
];
/** Of which not all comes back: what showed a moment that is gone, and what lay on a disk that was lost. */
const partial: Readonly<Record<string, readonly string[]>> = {
  'lvm-missing': ['half'],
  'lvm-snapshot': ['before', 'frozen', 'safe-before'],
};
const able = ofToday(
  stacks.map(readStack).map((stack) => ({
    release: stack.releases.includes('debian12') ? ('debian12' as const) : ('debian13' as const),
    stack,
  })),
  new Date(),
);

test.each(able)('$stack.name $release', { timeout: 900_000 }, async (scene) => {
  const first = await rememberedStack(scene, signal);
  const second = await rebuiltStack(scene, first, new Set(), signal);
  expect(second.changes).toEqual([]);
  const lost = partial[scene.stack.name];
  if (lost === undefined) expect(comparable(second.facts)).toEqual(comparable(first.facts));
  else {
    const names = second.plan.layout.components.flatMap((one) => (one.kind === 'lv' ? [one.name] : []));
    expect(names.filter((name) => lost.includes(name))).toEqual([]);
    for (const name of lost) expect(second.plan.notes.join('\n')).toContain(`logical volume ${name}`);
  }
});

/** Without which copies of the metadata are in use: where a group wants fewer than there are, LVM takes any. */
const comparable = ({ lvm, ...facts }: Readonly<Record<string, string>>) => ({
  ...facts,
  lvm: lvm?.replaceAll(/^(\S{32,} <\w+> .*) \d+$/gm, '$1'),
});
