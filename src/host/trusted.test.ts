import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { checkTrusted } from './trusted.ts';

const isRoot = process.geteuid?.() === 0;

test('a file of ours in a directory of ours is trusted, also below a sticky directory', async () => {
  await using temporary = await temporaryDirectory();
  const file = join(temporary.path, 'hook');
  await writeFile(file, '', { mode: 0o755 });
  await checkTrusted(file);
  await checkTrusted(temporary.path);
  await checkTrusted(`${temporary.path}/`);
});

test.each([
  ['everybody may write', 0o757, 'everybody may write to it'],
  ['the group may write', 0o775, 'its group may write to it'],
])('refused: %s', async (_title, mode, why) => {
  await using temporary = await temporaryDirectory();
  const directory = join(temporary.path, 'hooks');
  const file = join(directory, 'hook');
  await mkdir(directory);
  await writeFile(file, '');
  await chmod(file, mode);
  await expect(checkTrusted(file)).rejects.toMatchObject({ code: 'untrusted', message: expect.stringContaining(why) });
  await chmod(file, 0o755);
  await checkTrusted(file);
  await chmod(directory, mode);
  await expect(checkTrusted(file)).rejects.toMatchObject({
    code: 'untrusted',
    message: `${directory} is not trusted: ${why}`,
  });
});

test('a sticky directory is no place to keep hooks in, only to be above them', async () => {
  await using temporary = await temporaryDirectory();
  await chmod(temporary.path, 0o1777);
  await expect(checkTrusted(temporary.path)).rejects.toMatchObject({ code: 'untrusted' });
});

test('a link at the end is refused, one on the way is followed', async () => {
  await using temporary = await temporaryDirectory();
  const at = (name: string) => join(temporary.path, name);
  await mkdir(at('real'));
  await writeFile(at('real/hook'), '');
  await symlink('real', at('link'));
  await symlink('real/hook', at('hook'));
  await checkTrusted(at('link/hook'));
  await expect(checkTrusted(at('hook'))).rejects.toMatchObject({ code: 'untrusted' });
  await expect(checkTrusted(at('link'))).rejects.toMatchObject({ code: 'untrusted' });
  await expect(checkTrusted(at('absent'))).rejects.toMatchObject({ code: 'not-found' });
  await expect(checkTrusted('/dev/null')).rejects.toMatchObject({ code: 'untrusted' });
});

test.skipIf(!isRoot)('a file or directory of another user is refused (needs root)', async () => {
  await using temporary = await temporaryDirectory();
  const file = join(temporary.path, 'hook');
  await writeFile(file, '');
  await chown(temporary.path, 12345, 12345);
  await expect(checkTrusted(file)).rejects.toMatchObject({
    code: 'untrusted',
    message: `${temporary.path} is not trusted: it belongs to user 12345`,
  });
});
