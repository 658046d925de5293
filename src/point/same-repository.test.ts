import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { checkSameRepository, rememberRepository } from './same-repository.ts';

test('a repository whose id is another than before is refused, until somebody says that it is right', async () => {
  await using directory = await temporaryDirectory();
  const state = join(directory.path, 'state');
  const one = { url: 'file:///srv/backup', id: 'a'.repeat(32) };
  const other = { ...one, id: 'b'.repeat(32) };
  await checkSameRepository(state, other);
  await rememberRepository(state, one);
  await rememberRepository(state, one);
  await rememberRepository(state, { ...other, url: 'file:///srv/second' });
  await checkSameRepository(state, one);
  for (const check of [checkSameRepository, rememberRepository]) {
    await expect(check(state, other)).rejects.toMatchObject({
      code: 'untrusted',
      hint: expect.stringContaining('repositories.json'),
    });
  }
  await rm(join(state, 'repositories.json'));
  await rememberRepository(state, other);
});
