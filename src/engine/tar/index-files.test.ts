import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { writeIndex } from './index-files.ts';

const [old, base, made] = ['20261118T020000Z-aaaaaa', '20261119T020000Z-bbbbbb', '20261120T020000Z-cccccc'] as const;

test('older indexes go, and nothing else that lies there', async () => {
  await using directory = await temporaryDirectory();
  const write = (pointId: string, upon?: string) =>
    writeIndex({ indexDirectory: directory.path, hostName: 'box', pointId }, upon, Buffer.from(pointId));
  await write(old);
  await write(base);
  expect(await readdir(join(directory.path, 'box'))).toHaveLength(2);
  const others = ['passwd', 'notes.manifest.zst', `${old}.txt`];
  for (const name of others) await writeFile(join(directory.path, 'box', name), 'x');
  await write(made);
  const left = [...others, `${base}.manifest.zst`, `${made}.manifest.zst`];
  expect((await readdir(join(directory.path, 'box'))).sort()).toEqual(left.sort());
});
