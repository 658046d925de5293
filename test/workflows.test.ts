/** Whatever is a file in `workflows/` can be run, resumed and undone by its name. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { presentations } from '../src/cli/present.ts';
import { workflows } from '../workflows/list.ts';
import { root } from './helpers/cli.ts';

test('every workflow is in the list, under the name of its file', async () => {
  const files = (await readdir(join(root, 'workflows'))).filter((name) => name !== 'list.ts');
  const names = files.map((name) => name.replace(/\.ts$/, ''));
  expect(workflows.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
});

test('what a resumed run says of itself is of a workflow that there is', () => {
  const names = workflows.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(Object.keys(presentations)));
  expect(Object.keys(presentations)).toContain('checkpoint');
});
