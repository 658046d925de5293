import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { limitOf, openDrillPlace, privateDirectory } from './drill-place.ts';

test('what holds all of a host is read by nobody else, also where the directory was there', async () => {
  await using base = await temporaryDirectory();
  const [made, found] = [join(base.path, 'keep/images'), join(base.path, 'found')];
  await mkdir(found, { mode: 0o755 });
  for (const path of [made, found]) {
    await privateDirectory(path);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  }
});

test('a directory that is, or leads, elsewhere than it is named is refused', async () => {
  await using base = await temporaryDirectory();
  const [others, link] = [join(base.path, 'others'), join(base.path, 'link')];
  await mkdir(others);
  await symlink(others, link);
  await expect(privateDirectory(link)).rejects.toMatchObject({ code: 'untrusted' });
  await chmod(others, 0o777);
  await expect(privateDirectory(join(others, 'images'))).rejects.toMatchObject({ code: 'untrusted' });
});

test('a limit as it is configured, or by the size of the point', () => {
  expect(limitOf({ drill: { limit: '90m', checks: [], mayFail: [] } }, 1e12)).toBe(5_400_000);
  expect(limitOf({}, 0)).toBe(3 * 3_600_000);
});

test.skipIf(process.getuid?.() !== 0)(
  'files that nobody may change stand in the way of neither this drill nor the next (needs root)',
  async ({ skip }) => {
    await using base = await temporaryDirectory();
    const locked = async (scratch: string): Promise<boolean> => {
      await writeFile(join(scratch, 'resolv.conf'), 'x');
      return spawnSync('chattr', ['+i', join(scratch, 'resolv.conf')]).status === 0;
    };
    try {
      // Of one that was killed.
      await mkdir(join(base.path, 'drills/scratch'), { recursive: true });
      if (!(await locked(join(base.path, 'drills/scratch')))) return skip('no chattr here');
      {
        await using place = await openDrillPlace(base.path);
        expect(await readdir(place.scratch)).toEqual([]);
        await locked(place.scratch);
      }
      expect(await readdir(join(base.path, 'drills'))).not.toContain('scratch');
    } finally {
      spawnSync('chattr', ['-R', '-i', base.path]);
    }
  },
);
