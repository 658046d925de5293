/** An unattended recovery that fails before it has begun: nobody sees the screen, so the repository is told. */
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { backedUp, isRoot, sandbox } from '../helpers/cli.ts';

if (!isRoot) console.log(`${import.meta.filename}: left out, as only root may read what the kernel says`);

test.skipIf(!isRoot)('what keeps it from beginning is in the repository afterwards', async () => {
  await using box = await backedUp(await sandbox());
  // A file where the new system is to be mounted.
  const root = join(box.base, 'root');
  await writeFile(root, '');
  const { code, json } = await box.ask('recover', '--unattended', '--after', 'nothing', '--root', root);
  expect({ code, error: json.error }).toMatchObject({ code: 1, error: { message: expect.stringContaining(root) } });
  const logs = async () => await readdir(join(box.repository, 'lifeboat/box/logs')).catch(() => []);
  expect(await logs()).toHaveLength(1);
  // Somebody who is there reads it.
  expect((await box.ask('recover', '--root', root)).code).toBe(1);
  expect(await logs()).toHaveLength(1);
});
