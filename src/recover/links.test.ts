/** A recovered system whose own places are links, as people make them: what is written there lands in the system, and never outside. */
import { mkdir, readdir, stat, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { testKeyring } from '../../test/helpers/keyring.ts';
import { madeRecovered } from '../../test/helpers/points.ts';
import { readRecovered } from '../../test/helpers/recovered-file.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { localHost } from '../host/local.ts';
import { keepBack } from '../point/kept.ts';
import { makeOwnPlaces } from './new-root.ts';
import { markRecovered } from './once.ts';

const mark = {
  point: 'p1',
  host: 'box',
  at: '2026-11-22T06:00:00.000Z',
  result: 'passed',
  plan: 'd',
  unattended: true,
} as const;

test.each([
  ['/var', (outside: string) => outside],
  ['/var/lib/lifeboat', (outside: string) => outside],
  ['/var/lib/lifeboat/kept', (outside: string) => outside],
  ['/var/lib/lifeboat', () => '/'],
])('%s is an absolute link', async (link, target) => {
  await using directory = await temporaryDirectory();
  await using host = localHost();
  const { signal } = new AbortController();
  // Of this name there is a directory here, and none in the system yet.
  const outside = join(directory.path, 'outside');
  const root = join(directory.path, 'root');
  await mkdir(outside);
  await utimes(outside, 1, 1);
  await mkdir(join(root, link, '..'), { recursive: true });
  await symlink(target(outside), join(root, link));

  await makeOwnPlaces(root, host, signal);
  await markRecovered(root, mark);
  const kept = await keepBack('/var/lib/lifeboat', { keys: testKeyring() }, 'box', madeRecovered('p1'), root);

  expect(await readRecovered(root)).toMatchObject({ point: 'p1' });
  expect(kept.startsWith(`${root}/`)).toBe(true);
  expect(await readdir(outside)).toEqual([]);
  expect((await stat(outside)).mtimeMs).toBe(1000);
});
