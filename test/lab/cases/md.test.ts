/** Stacks of md: what was captured is what mdadm and the kernel say. The witness reads their output by itself. */
import { expect, test } from 'vitest';
import { captureLayout } from '../../../src/layout/capture.ts';
import { type Layout, parseLayout } from '../../../src/layout/types.ts';
import { startLab } from '../lab.ts';
import { mdWitness, saidOfMd } from '../md-witness.ts';
import { makeStack, scenes } from '../stack.ts';

const { signal } = new AbortController();
const now = new Date('2026-11-21T12:00:00Z');

test.each(scenes('md-'))('$stack.name $release', { timeout: 900_000 }, async ({ release, stack }) => {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = parseLayout(await captureLayout(lab.host, now, signal));
  expect(mdGaps(layout)).toEqual([]);
  const witness = await mdWitness(lab.host, signal);
  const arrays = layout.components.filter((one) => one.kind === 'md');
  expect(arrays.map(({ uuid }) => uuid).sort()).toEqual([...witness.keys()].sort());
  for (const array of arrays) expect(saidOfMd(array, layout)).toEqual(witness.get(array.uuid ?? ''));
});

const mdGaps = ({ gaps }: Layout) => gaps.filter(({ problem }) => !problem.includes('EFI system partition'));
