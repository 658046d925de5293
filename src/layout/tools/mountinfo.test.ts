import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { parseMountinfo, reachable } from './mountinfo.ts';

const table = (...lines: string[]) => parseMountinfo(lines.map((line) => `${line} rw - ext4 x rw\n`).join(''));
const seen = (...lines: string[]) => {
  const mounts = table(...lines);
  const found = reachable(mounts);
  return mounts.filter((mount) => found.has(mount)).map(({ id }) => id);
};

describe('mounts that are reached by their path', () => {
  test('what a starting system moved stands before the root, and is not under it', () => {
    expect(
      seen('22 29 0:20 / /sys', '23 29 0:21 / /proc', '29 1 8:1 / /', '30 23 0:30 / /proc/sys/fs/binfmt_misc'),
    ).toEqual([22, 23, 29, 30]);
  });

  test('of several at one place the last', () => {
    expect(seen('1 0 8:1 / /', '2 1 0:2 / /m', '3 2 0:3 / /m', '4 3 0:4 / /m')).toEqual([1, 4]);
  });

  test('what lies under a later mount of a directory above it', () => {
    expect(seen('1 0 8:1 / /', '2 1 0:2 / /p/q', '3 1 0:3 / /p', '4 3 0:4 / /p/r')).toEqual([1, 3, 4]);
  });

  test('a root over a root', () => {
    expect(seen('1 1 0:1 / /', '2 1 0:2 / /old', '3 1 8:1 / /', '4 3 0:4 / /new')).toEqual([3, 4]);
  });

  test('a table without its root, as in a chroot', () => {
    expect(seen('5 4 8:1 / /', '6 5 0:6 / /a\\040b')).toEqual([5, 6]);
  });
});

test.skipIf(process.geteuid?.() !== 0)(
  'the kernel agrees: what is seen at a path is what stat finds there (mounting needs root)',
  async () => {
    await using directory = await temporaryDirectory();
    for (const name of ['a/b', 'p/q/r', 'p/s']) mkdirSync(join(directory.path, name), { recursive: true });
    const script = `
    cd "$1"
    mount -t tmpfs one a/b; mount -t tmpfs two p/q; mkdir -p p/q/r; mount -t tmpfs three p/q/r; mount -t tmpfs four p/s
    mount -t tmpfs five a/b; mount -t tmpfs six p; mkdir -p p/s; mount -t tmpfs seven p/s
    cat /proc/self/mountinfo; echo
    for path in a/b p p/s; do stat -c '%d' "$path"; done`;
    const output = execFileSync(
      'unshare',
      ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', directory.path],
      {
        encoding: 'utf8',
      },
    );
    const [content = '', numbers = ''] = output.split('\n\n');
    const mounts = parseMountinfo(content);
    const found = reachable(mounts);
    const own = mounts.filter(({ target }) => target.startsWith(`${directory.path}/`));
    expect(own).toHaveLength(7);
    const minors = numbers
      .trim()
      .split('\n')
      .map((device) => `0:${device}`);
    const visible = own.filter((mount) => found.has(mount)).map(({ target, number }) => [target, number]);
    expect(visible).toEqual(['a/b', 'p', 'p/s'].map((path, index) => [join(directory.path, path), minors[index]]));
  },
);

test.each(['', 'garbage', '1 2 x / /'])('%j is no table', (content) => {
  expect(() => parseMountinfo(content)).toThrow();
});
