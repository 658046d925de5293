/** Arrays of all kinds, made anew on blank disks: what the plain tools say is what they said of the first. */
import { expect, test } from 'vitest';
import { ofToday } from '../../helpers/suite.ts';
import { rebuiltStack, rememberedStack } from '../rebuilt.ts';
import { readStack } from '../stack.ts';

const { signal } = new AbortController();

const stacks = [
  'md-journal',
  'md-linear',
  'md-partitioned',
  'md-raid0',
  'md-raid1',
  'md-raid1-esp',
  'md-raid10-far',
  'md-raid4-inactive',
  'md-raid5-090',
  'md-raid6-degraded',
  'md-rebuilding',
  'md-write-behind',
];
/** Of which there is too little left to make them. */
const lost = new Set(['md:0b0f1a4e-0500-0000-8000-000000000008']);
const able = ofToday(
  stacks.map((name) => ({ release: 'debian12' as const, stack: readStack(name) })),
  new Date(),
);

test.each(able)('$stack.name $release', { timeout: 900_000 }, async (scene) => {
  const first = await rememberedStack(scene, signal);
  const second = await rebuiltStack(scene, first, lost, signal);
  expect(second.changes).toEqual([]);
  if (scene.stack.name !== 'md-raid4-inactive') expect(second.facts).toEqual(first.facts);
  // The tools told of what is lost, too; and it runs now.
  else for (const disk of ['<A>', '<B>', '<C>']) expect(second.facts[disk]).toBe(first.facts[disk]);
});
