import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { placeIn } from './place-in.ts';

test.each([
  ['what is no link', '/etc/hosts', '/etc/hosts'],
  ['an absolute link', '/var/lib/lifeboat', '/data/var/lib/lifeboat'],
  ['a link that climbs', '/climbs/etc', '/etc'],
  ['a link to the root', '/lib/x', '/x'],
  ['a link to a link', '/twice/log', '/data/var/log'],
  ['a relative one', '/usr/tmp/x', '/var2/x'],
  ['one that leads to nothing yet', '/gone/x', '/not/there/x'],
  ['dots', '/etc/../../a/./b', '/a/b'],
])('%s leads to where it leads in the system', async (_, path, place) => {
  await using directory = await temporaryDirectory();
  const root = directory.path;
  for (const path of ['etc', 'data/var/log', 'usr', 'var2']) await mkdir(join(root, path), { recursive: true });
  await symlink('/data/var', join(root, 'var'));
  await symlink('../../../../../../../..', join(root, 'climbs'));
  await symlink('/', join(root, 'lib'));
  await symlink('/var', join(root, 'twice'));
  await symlink('../var2', join(root, 'usr/tmp'));
  await symlink('/not/there', join(root, 'gone'));
  expect(await placeIn(root, path)).toBe(join(root, place));
});

test('a circle is an error', async () => {
  await using directory = await temporaryDirectory();
  await symlink('/one', join(directory.path, 'other'));
  await symlink('other', join(directory.path, 'one'));
  await expect(placeIn(directory.path, '/one/x')).rejects.toThrow('in a circle');
});
