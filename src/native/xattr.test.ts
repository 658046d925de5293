import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasErrno, isSystemError } from '../kernel/errors.ts';
import { O_PATH } from './file.ts';
import { getXattr, listXattrs, removeXattr, setXattr } from './xattr.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lifeboat-xattr-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const isRoot = process.getuid?.() === 0;

function newFile(name: string): string {
  const path = join(directory, name);
  writeFileSync(path, '');
  return path;
}

function python(script: string, ...args: string[]): string {
  return execFileSync('python3', ['-c', `import os, sys; a = sys.argv[1:]; ${script}`, ...args], { encoding: 'utf8' });
}

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('extended attributes by path', () => {
  test('what is set is what python reads, bytes of every value included', () => {
    const path = newFile('set');
    setXattr(path, 'user.all', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    setXattr(path, 'user.empty', Buffer.alloc(0));
    expect(python('print(os.getxattr(a[0], "user.all").hex(), os.getxattr(a[0], "user.empty"))', path)).toBe(
      `${Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('hex')} b''\n`,
    );
    expect(listXattrs(path).toSorted()).toEqual(['user.all', 'user.empty']);
  });

  test('what python sets is what is read and listed', () => {
    const path = newFile('get');
    python(
      'os.setxattr(a[0], "user.x", bytes(range(256)) * 11); os.setxattr(a[0], b"user.\\xff\\xc3\\xa9", b"")',
      path,
    );
    // Longer than the first attempt's 1024 bytes.
    expect(getXattr(path, 'user.x')).toHaveLength(2816);
    expect(listXattrs(path).toSorted()).toEqual(['user.x', 'user.\udcff\u00e9']);
    expect(getXattr(path, 'user.\udcff\u00e9')).toEqual(Buffer.alloc(0));
  });

  test('a list of names longer than 1024 bytes comes whole', () => {
    const path = newFile('many');
    const names = Array.from({ length: 20 }, (_, index) => `user.${String(index).padStart(90, 'n')}`);
    for (const name of names) setXattr(path, name, Buffer.of(1));
    expect(listXattrs(path).toSorted()).toEqual(names.toSorted());
  });

  test('absence is undefined to get, ENODATA to remove', () => {
    const path = newFile('absent');
    expect(getXattr(path, 'user.none')).toBeUndefined();
    const error = caught(() => removeXattr(path, 'user.none'));
    expect(error).toMatchObject({ code: 'ENODATA', syscall: 'lremovexattr', path });
    setXattr(path, 'user.one', Buffer.of(1));
    removeXattr(path, 'user.one');
    expect(listXattrs(path)).toEqual([]);
  });

  test('a file that is missing gives an error like those of fs', () => {
    const path = join(directory, 'missing');
    for (const work of [() => getXattr(path, 'user.x'), () => listXattrs(path)]) {
      const error = caught(work);
      expect(isSystemError(error) && hasErrno(error, 'ENOENT')).toBe(true);
    }
    expect(caught(() => getXattr(path, 'user.x'))).toMatchObject({
      message: `ENOENT: no such file or directory, lgetxattr '${path}'`,
      errno: -2,
    });
  });

  test('a filesystem without attributes lists none', () => {
    expect(listXattrs('/proc/self/status')).toEqual([]);
    expect(caught(() => setXattr('/proc/self/status', 'user.x', Buffer.of(1)))).toSatisfy(isSystemError);
  });

  test.skipIf(!isRoot)('a symlink is not followed (root: only trusted.* fits a symlink)', () => {
    const path = newFile('linked');
    const link = join(directory, 'link');
    symlinkSync(path, link);
    setXattr(link, 'trusted.of', Buffer.from('link'));
    expect(listXattrs(path)).toEqual([]);
    expect(python('print(os.getxattr(a[0], "trusted.of", follow_symlinks=False))', link)).toBe("b'link'\n");
  });

  test('an entry of an open directory, by a descriptor of O_PATH', () => {
    const path = newFile('entry');
    const fd = openSync(directory, O_PATH);
    setXattr(`/proc/self/fd/${fd}/entry`, 'user.x', Buffer.from('at'));
    closeSync(fd);
    expect(getXattr(path, 'user.x')).toEqual(Buffer.from('at'));
  });
});

test('extended attributes by descriptor', () => {
  const path = newFile('by-fd');
  const fd = openSync(path, 'r');
  setXattr(fd, 'user.x', Buffer.from('value'));
  expect(python('print(os.getxattr(a[0], "user.x"))', path)).toBe("b'value'\n");
  expect(getXattr(fd, 'user.x')).toEqual(Buffer.from('value'));
  expect(listXattrs(fd)).toEqual(['user.x']);
  removeXattr(fd, 'user.x');
  expect(listXattrs(path)).toEqual([]);
  closeSync(fd);
  expect(caught(() => getXattr(fd, 'user.x'))).toMatchObject({ code: 'EBADF', syscall: 'fgetxattr' });
});

test.each([
  ['NUL in the path', () => listXattrs('a\0b')],
  ['NUL in the name', () => getXattr('/', 'user.\0')],
  ['no name', () => getXattr('/', '')],
  ['half a character', () => listXattrs('\ud83d')],
  ['a descriptor below 0', () => listXattrs(-1)],
  ['a descriptor with a fraction', () => listXattrs(1.5)],
  // @ts-expect-error -- JavaScript can pass anything
  ['no file', () => listXattrs(undefined)],
  // @ts-expect-error -- JavaScript can pass anything
  ['a value that is text', () => setXattr('/', 'user.x', 'text')],
])('refused before the system is asked: %s', (_, work) => {
  expect(caught(work)).toMatchObject({ name: 'LifeboatError', code: 'native-call' });
});
