import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { readFlags } from './attributes.ts';
import { removeTree } from './remove.ts';

test('what is not there is gone already', async () => {
  await using at = await temporaryDirectory();
  await removeTree(join(at.path, 'none'));
});

test.skipIf(process.getuid?.() !== 0)(
  'files and directories that nobody may change go too, and nothing outside is touched (needs root)',
  async ({ skip }) => {
    await using at = await temporaryDirectory();
    const [tree, outside] = [join(at.path, 'tree'), join(at.path, 'outside')];
    mkdirSync(join(tree, 'log/deep'), { recursive: true });
    const latin = Buffer.concat([Buffer.from(join(tree, 'log/deep/caf')), Buffer.from([0xe9])]);
    for (const file of [outside, join(tree, 'shadow'), join(tree, 'log/journal'), latin]) writeFileSync(file, 'x');
    symlinkSync(outside, join(tree, 'link'));
    const chattr = (flag: string, ...paths: string[]): boolean => spawnSync('chattr', [flag, ...paths]).status === 0;
    if (!chattr('+i', outside, join(tree, 'shadow'))) return skip('no chattr here');
    try {
      expect(chattr('+a', join(tree, 'log/journal'), join(tree, 'log/deep'), join(tree, 'log'))).toBe(true);
      await removeTree(tree);
      expect(existsSync(tree)).toBe(false);
      expect(readFlags(outside)).toBe('i');
    } finally {
      spawnSync('chattr', ['-R', '-ia', at.path]);
    }
  },
);
