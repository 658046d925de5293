/**
 * Every stack of the lab, as its machines were recorded by `test/lab/record-stack.ts`: the capture of it is a graph that fits together,
 * and its tree is what stands beside the recording.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { recordedHost } from '../host/recorded.ts';
import { captureLayout } from './capture.ts';
import { layoutTree } from './tree.ts';
import { parseLayout } from './types.ts';

const folder = join(import.meta.dirname, '../../test/fixtures/lab');
const stacks = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))
  .sort();

test.each(stacks)('%s', async (name) => {
  const { signal } = new AbortController();
  const recording: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const layout = await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal);
  expect(parseLayout(JSON.parse(JSON.stringify(layout)))).toEqual(layout);
  await expect(layoutTree(layout)).toMatchFileSnapshot(join(folder, `${name}.txt`));
});
