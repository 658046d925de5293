import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { readIfThere } from './read-if-there.ts';

test('what is there, what is not, and what cannot be read', async () => {
  await using place = await temporaryDirectory();
  const file = join(place.path, 'file');
  await writeFile(file, 'content');
  expect((await readIfThere(file))?.toString()).toBe('content');
  expect(await readIfThere(join(place.path, 'none'))).toBeUndefined();
  expect(await readIfThere(join(file, 'below'))).toBeUndefined();
  await expect(readIfThere(place.path)).rejects.toThrow('EISDIR');
});
