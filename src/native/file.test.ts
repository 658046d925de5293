import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  AT_FDCWD,
  FILE_FLAG,
  flock,
  getFileFlags,
  mkdirat,
  mknodat,
  O_PATH,
  openat2,
  RESOLVE,
  seekData,
  seekHole,
  setFileFlags,
  unlinkat,
  utimensat,
} from './file.ts';

let directory: string;
let dirfd: number;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'lifeboat-file-'));
  dirfd = openSync(directory, O_PATH | constants.O_DIRECTORY);
});
afterAll(() => {
  closeSync(dirfd);
  rmSync(directory, { recursive: true });
});

const isRoot = process.getuid?.() === 0;

function run(...argv: [string, ...string[]]): string {
  const [command, ...args] = argv;
  return execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).trim();
}

function path(name: string): string {
  return join(directory, name);
}

function newFile(name: string): string {
  writeFileSync(path(name), name);
  return path(name);
}

function caught(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('openat2', () => {
  test('opens below a directory, close-on-exec', () => {
    newFile('plain');
    const fd = openat2(dirfd, 'plain', constants.O_RDONLY, 0, RESOLVE.BENEATH);
    expect(fstatSync(fd).ino).toBe(lstatSync(path('plain')).ino);
    expect(run('grep', 'flags', `/proc/${process.pid}/fdinfo/${fd}`)).toMatch(/02\d{6}$/);
    closeSync(fd);
  });

  test('makes a file with a mode', () => {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
    closeSync(openat2(dirfd, 'made', flags, 0o600, RESOLVE.BENEATH));
    expect(run('stat', '-c', '%a', path('made'))).toBe('600');
    expect(caught(() => openat2(dirfd, 'made', flags, 0o600, 0))).toMatchObject({ code: 'EEXIST', path: 'made' });
  });

  test('refuses what leads out, by the rule that says so', () => {
    mkdirSync(path('in'));
    newFile('in/file');
    symlinkSync('/etc/passwd', path('in/absolute'));
    symlinkSync('../..', path('in/up'));
    symlinkSync('file', path('in/inner'));
    symlinkSync('.', path('in/self'));
    const inside = openat2(dirfd, 'in', O_PATH | constants.O_DIRECTORY, 0, 0);
    const open = (name: string, resolve: number) =>
      caught(() => closeSync(openat2(inside, name, constants.O_RDONLY, 0, resolve)));
    expect(open('file', RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS)).toBeUndefined();
    expect(open('inner', RESOLVE.BENEATH)).toBeUndefined();
    expect(open('up/in/file', 0)).toMatchObject({ code: 'ENOENT' });
    expect(open('../in/file', RESOLVE.BENEATH)).toMatchObject({ code: 'EXDEV' });
    expect(open('absolute', RESOLVE.BENEATH)).toMatchObject({ code: 'EXDEV' });
    expect(open('/etc/passwd', RESOLVE.BENEATH)).toMatchObject({ code: 'EXDEV' });
    expect(open('up/x', RESOLVE.BENEATH)).toMatchObject({ code: 'EXDEV' });
    expect(open('inner', RESOLVE.NO_SYMLINKS)).toMatchObject({ code: 'ELOOP' });
    expect(open('self/file', RESOLVE.NO_SYMLINKS)).toMatchObject({ code: 'ELOOP' });
    expect(open('/file', RESOLVE.IN_ROOT)).toBeUndefined();
    expect(open('../../file', RESOLVE.IN_ROOT)).toBeUndefined();
    expect(open('absolute', RESOLVE.IN_ROOT)).toMatchObject({ code: 'ENOENT' });
    expect(open(`/proc/self/fd/${inside}/file`, 0)).toBeUndefined();
    expect(open(`/proc/self/fd/${inside}/file`, RESOLVE.NO_MAGICLINKS)).toMatchObject({ code: 'ELOOP' });
    expect(open('/proc/self/status', RESOLVE.NO_XDEV)).toMatchObject({ code: 'EXDEV' });
    closeSync(inside);
  });
});

describe('names in an open directory', () => {
  test('mkdirat and unlinkat', () => {
    mkdirat(dirfd, 'dir', 0o700);
    expect(run('stat', '-c', '%F %a', path('dir'))).toBe('directory 700');
    expect(caught(() => unlinkat(dirfd, 'dir', 'file'))).toMatchObject({ code: 'EISDIR', syscall: 'unlinkat' });
    unlinkat(dirfd, 'dir', 'directory');
    expect(existsSync(path('dir'))).toBe(false);
    linkSync(newFile('one'), path('two'));
    unlinkat(dirfd, 'two', 'file');
    expect(lstatSync(path('one')).nlink).toBe(1);
  });

  test('a name that is not UTF-8', () => {
    mkdirat(dirfd, 'bytes-\udcff', 0o700);
    const names = readdirSync(directory, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
    expect(names).toContain('bytes-\xff');
    unlinkat(dirfd, 'bytes-\udcff', 'directory');
  });

  test('mknodat: pipe, socket and file', () => {
    mknodat(dirfd, 'fifo', constants.S_IFIFO | 0o640, 0, 0);
    mknodat(dirfd, 'socket', constants.S_IFSOCK | 0o600, 0, 0);
    mknodat(AT_FDCWD, path('regular'), constants.S_IFREG | 0o600, 0, 0);
    expect(run('stat', '-c', '%F %a', path('fifo'), path('socket'), path('regular'))).toBe(
      'fifo 640\nsocket 600\nregular empty file 600',
    );
  });

  test.skipIf(!isRoot)('mknodat: devices with large numbers (root only)', () => {
    mknodat(dirfd, 'char', constants.S_IFCHR | 0o600, 4095, 1048575);
    mknodat(dirfd, 'block', constants.S_IFBLK | 0o600, 259, 300);
    expect(run('stat', '-c', '%F %t:%T', path('char'), path('block'))).toBe(
      'character special file fff:fffff\nblock special file 103:12c',
    );
  });
});

describe('utimensat', () => {
  const times = (name: string) =>
    run('python3', '-c', 'import os,sys; s=os.lstat(sys.argv[1]); print(s.st_atime_ns, s.st_mtime_ns)', path(name));

  test.each([
    ['now', 1_790_000_000_123_456_789n],
    ['before 1970', -1n],
    ['long before 1970', -1_500_000_000_000_000_001n],
    ['after 2262, where 64 bits of nanoseconds end', 12_000_000_000_000_000_007n],
  ])('each nanosecond: %s', (_, time) => {
    newFile('timed');
    utimensat(dirfd, 'timed', time + 1n, time, false);
    expect(times('timed')).toBe(`${time + 1n} ${time}`);
  });

  test('undefined leaves a time as it is', () => {
    newFile('half');
    utimensat(dirfd, 'half', 5n, 6n, false);
    utimensat(dirfd, 'half', undefined, 7n, false);
    expect(times('half')).toBe('5 7');
    utimensat(dirfd, 'half', 8n, undefined, false);
    expect(times('half')).toBe('8 7');
  });

  test('a symlink itself, or the file it leads to', () => {
    newFile('led');
    symlinkSync('led', path('leads'));
    utimensat(dirfd, 'led', 1n, 1n, false);
    utimensat(dirfd, 'leads', 2n, 2n, true);
    expect([times('led'), times('leads')]).toEqual(['1 1', '2 2']);
    utimensat(AT_FDCWD, path('leads'), 3n, 3n, false);
    expect(times('led')).toBe('3 3');
  });
});

test('file flags are those of lsattr', ({ skip }) => {
  const fd = openSync(newFile('flags'), 'r');
  try {
    const before = caught(() => getFileFlags(fd));
    if (before !== undefined) skip(`no file flags in ${tmpdir()}: ${inspect(before)}`);
    setFileFlags(fd, getFileFlags(fd) | FILE_FLAG.NODUMP | FILE_FLAG.NOATIME);
    expect(run('lsattr', path('flags')).split(' ')[0]).toMatch(/d.*A|A.*d/);
    setFileFlags(fd, getFileFlags(fd) & ~(FILE_FLAG.NODUMP | FILE_FLAG.NOATIME));
    expect(run('lsattr', path('flags')).split(' ')[0]).not.toMatch(/[dA]/);
    if (!isRoot) return;
    setFileFlags(fd, getFileFlags(fd) | FILE_FLAG.IMMUTABLE);
    expect(caught(() => openSync(path('flags'), 'w'))).toMatchObject({ code: 'EPERM' });
    setFileFlags(fd, getFileFlags(fd) & ~FILE_FLAG.IMMUTABLE);
  } finally {
    closeSync(fd);
  }
});

test('a file without flags says so', () => {
  const fd = openSync('/proc/self/status', 'r');
  expect(caught(() => getFileFlags(fd))).toMatchObject({ code: 'ENOTTY', syscall: 'ioctl' });
  closeSync(fd);
});

test('data and holes, past 4 GiB too', () => {
  const far = 5n * 1024n ** 3n;
  const fd = openSync(path('sparse'), 'w+');
  writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, 65536);
  writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, Number(far));
  ftruncateSync(fd, Number(far) + 1024 * 1024);
  expect(seekData(fd, 0n)).toBe(65536n);
  expect(seekHole(fd, 0n)).toBe(0n);
  expect(seekHole(fd, 65536n)).toBe(65536n + 4096n);
  expect(seekData(fd, 65536n + 4096n)).toBe(far);
  expect(seekData(fd, far + 4096n)).toBeUndefined();
  expect(seekData(fd, far * 2n)).toBeUndefined();
  expect(
    run('python3', '-c', 'import os,sys; print(os.lseek(os.open(sys.argv[1],0), 69632, os.SEEK_DATA))', path('sparse')),
  ).toBe(String(far));
  closeSync(fd);
  expect(caught(() => seekHole(fd, 0n))).toMatchObject({ code: 'EBADF', syscall: 'lseek' });
});

describe('flock', () => {
  test('keeps out, and is kept out by, another program', async () => {
    const fd = openSync(newFile('lock'), 'r');
    const holder = spawn('flock', [path('lock'), '-c', 'echo held; read line'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    expect(flock(fd, 'exclusive', true)).toBe(false);
    expect(flock(fd, 'shared', true)).toBe(false);
    holder.stdin.end('\n');
    expect(flock(fd, 'exclusive', false)).toBe(true);
    expect(caught(() => run('flock', '-n', '-s', path('lock'), 'true'))).toMatchObject({ status: 1 });
    expect(flock(fd, 'shared', true)).toBe(true);
    run('flock', '-n', '-s', path('lock'), 'true');
    expect(flock(fd, 'unlock', true)).toBe(true);
    run('flock', '-n', path('lock'), 'true');
    closeSync(fd);
  });

  test('two opens in one process compete', () => {
    const first = openSync(newFile('twice'), 'r');
    const second = openSync(path('twice'), 'r');
    expect(flock(first, 'exclusive', true)).toBe(true);
    expect(flock(second, 'exclusive', true)).toBe(false);
    closeSync(first);
    expect(flock(second, 'exclusive', true)).toBe(true);
    closeSync(second);
  });
});

test.each([
  ['dirfd', () => mkdirat(-1, 'x', 0o700)],
  ['path with NUL', () => mkdirat(dirfd, 'x\0', 0o700)],
  ['mode', () => mkdirat(dirfd, 'x', 0o10000)],
  ['flags', () => openat2(dirfd, 'x', -1, 0, 0)],
  ['resolve', () => openat2(dirfd, 'x', 0, 0, 0x100)],
  ['type of node', () => mknodat(dirfd, 'x', 0o600, 0, 0)],
  ['a directory as node', () => mknodat(dirfd, 'x', constants.S_IFDIR | 0o700, 0, 0)],
  ['major', () => mknodat(dirfd, 'x', constants.S_IFCHR, 4096, 0)],
  ['minor', () => mknodat(dirfd, 'x', constants.S_IFCHR, 0, 1048576)],
  ['time', () => utimensat(dirfd, 'x', undefined, 2n ** 90n, false)],
  // @ts-expect-error -- JavaScript can pass anything
  ['time as a number', () => utimensat(dirfd, 'x', 1, 1n, false)],
  // @ts-expect-error -- JavaScript can pass anything
  ['nofollow', () => utimensat(dirfd, 'x', 1n, 1n)],
  ['file flags', () => setFileFlags(dirfd, 2 ** 32)],
  ['offset', () => seekData(dirfd, -1n)],
  // @ts-expect-error -- JavaScript can pass anything
  ['offset as a number', () => seekHole(dirfd, 0)],
  // @ts-expect-error -- JavaScript can pass anything
  ['lock', () => flock(dirfd, 'toString', true)],
  // @ts-expect-error -- JavaScript can pass anything
  ['type of what to unlink', () => unlinkat(dirfd, 'x', 'dir')],
])('refused before the system is asked: %s', (_, work) => {
  expect(caught(work)).toMatchObject({ name: 'LifeboatError', code: 'native-call' });
});
