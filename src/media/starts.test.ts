import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { readElf } from './elf.ts';
import { parseListing } from './layer-list.ts';
import { removeUnused } from './libraries.ts';
import { refuseMissing, whatWouldNotStart } from './starts.ts';

/** A root with one program of this machine, its loader and its libraries. */
function rootWith(program: string, root: string): readonly string[] {
  const put = (path: string, from: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(realpathSync(from), join(root, path));
  };
  put(`usr/bin/${program}`, `/usr/bin/${program}`);
  const lines = execFileSync('/usr/bin/ldd', [`/usr/bin/${program}`])
    .toString()
    .split('\n');
  const libraries = lines.flatMap((line) => /(?:=> )?(\/\S+\.so\S*) \(/.exec(line)?.[1] ?? []);
  for (const path of libraries)
    put(
      path
        .replace(/^\/(usr\/)?lib64\//, '/usr/lib64/')
        .replace(/^\/lib\//, '/usr/lib/')
        .slice(1),
      path,
    );
  for (const name of ['lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  return libraries;
}

test('a program starts with its loader and libraries, and what is missing is named', async () => {
  await using base = await temporaryDirectory();
  rootWith('ls', base.path);
  expect(await whatWouldNotStart([base.path])).toEqual([]);
  rmSync(join(base.path, 'usr/lib/x86_64-linux-gnu/libselinux.so.1'));
  expect(await whatWouldNotStart([base.path])).toEqual([{ path: 'usr/bin/ls', needs: 'libselinux.so.1' }]);
  rmSync(join(base.path, 'lib64'));
  expect(await whatWouldNotStart([base.path])).toContainEqual({
    path: 'usr/bin/ls',
    needs: '/lib64/ld-linux-x86-64.so.2',
  });
});

test('a script needs its interpreter, which may be in another layer and behind links', async () => {
  await using base = await temporaryDirectory();
  await using other = await temporaryDirectory();
  mkdirSync(join(base.path, 'usr/bin'), { recursive: true });
  const script = join(base.path, 'usr/bin/tool');
  writeFileSync(script, '#!/usr/bin/env toolsh\n');
  expect(await whatWouldNotStart([base.path])).toEqual([]);
  chmodSync(script, 0o755);
  expect(await whatWouldNotStart([base.path])).toEqual([{ path: 'usr/bin/tool', needs: 'toolsh' }]);
  mkdirSync(join(other.path, 'usr/bin'), { recursive: true });
  mkdirSync(join(other.path, 'opt'));
  symlinkSync('/opt/toolsh', join(other.path, 'usr/bin/toolsh'));
  expect(await whatWouldNotStart([base.path, other.path])).toEqual([{ path: 'usr/bin/tool', needs: 'toolsh' }]);
  writeFileSync(join(other.path, 'opt/toolsh'), '');
  expect(await whatWouldNotStart([base.path, other.path])).toEqual([]);
  const links = (text: string) => parseListing(`lrwxrwxrwx 0/0   7 1970-01-01 00:00 root/usr/bin/toolsh -> ${text}\n`);
  expect(await whatWouldNotStart([base.path], links('/opt/toolsh'))).toEqual([
    { path: 'usr/bin/tool', needs: 'toolsh' },
  ]);
  const file = parseListing('-rwxr-xr-x 0/0  12 1970-01-01 00:00 root/opt/toolsh\n');
  expect(await whatWouldNotStart([base.path], [...links('/opt/toolsh'), ...file])).toEqual([]);
});

test('what is missing is told as the reason for which nothing is made', () => {
  const missing = { path: 'usr/bin/ls', needs: 'libselinux.so.1' };
  expect(() => refuseMissing([missing], 'Leave it out.')).toThrow(
    expect.objectContaining({
      code: 'rescue-incomplete',
      message: expect.stringMatching(/ls needs libselinux\.so\.1$/),
    }),
  );
  expect(() => refuseMissing([], '')).not.toThrow();
});

test('libraries that nothing uses go, with those that only they use', async () => {
  await using base = await temporaryDirectory();
  rootWith('ls', base.path);
  const libraries = join(base.path, 'usr/lib/x86_64-linux-gnu');
  copyFileSync(join(libraries, 'libselinux.so.1'), join(libraries, 'libidle.so.1.2'));
  symlinkSync('libidle.so.1.2', join(libraries, 'libidle.so.1'));
  await removeUnused(base.path);
  expect(await whatWouldNotStart([base.path])).toEqual([]);
  expect(execFileSync('ls', [libraries]).toString()).not.toContain('libidle');
  expect(execFileSync('ls', [libraries]).toString()).toContain('libselinux');
});

test('what is no program of 64 bits has no needs', async () => {
  await using base = await temporaryDirectory();
  const file = join(base.path, 'x');
  for (const content of ['', 'text', '\x7fELF']) {
    writeFileSync(file, content);
    expect(await readElf(file)).toBeUndefined();
  }
  expect(await readElf(process.execPath)).toMatchObject({ interpreter: '/lib64/ld-linux-x86-64.so.2' });
});
