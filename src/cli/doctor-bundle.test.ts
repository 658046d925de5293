/** A bundle that came to nothing. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { removed } from './doctor-bundle.ts';

const failure = new LifeboatError('no-space', 'the disk is full');

test('is removed, and where it cannot be, that is told', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'report.tar.gz');
  writeFileSync(path, 'half of it');
  expect(await removed(path, failure)).toBe(failure);
  expect(existsSync(path)).toBe(false);
  mkdirSync(path);
  expect(await removed(path, failure)).toMatchObject({
    code: 'no-space',
    message: `the disk is full; and what there is of ${path} cannot be removed`,
    hint: expect.stringContaining('unlink'),
  });
});
