import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { confineArgv, confinedDirectory, confineFailed, systemDirectories } from './confine.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

/** `directory` holds `rw`, which may be written, `outside`, which may not, and a copy of confine that anyone can run. */
let directory: string;
let rw: string;
let outside: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lifeboat-confine-'));
  chmodSync(directory, 0o755);
  rw = join(directory, 'rw');
  outside = join(directory, 'outside');
  for (const path of [rw, outside]) {
    mkdirSync(path);
    // Anyone may write there: what keeps the confined program out is not the permissions.
    chmodSync(path, 0o777);
  }
  writeFileSync(join(outside, 'victim'), 'untouched');
  chmodSync(join(outside, 'victim'), 0o666);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(argv: readonly string[], user?: number, input?: Buffer): Outcome {
  const [command = '', ...args] = argv;
  return spawnSync(command, args, {
    encoding: 'utf8',
    input: input ?? '',
    env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' },
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
}

function shell(script: string, devices?: 'open' | 'closed'): Outcome {
  return run(confineArgv(rw, ['sh', '-c', script], systemDirectories, devices));
}

/** As `confineArgv`, of a copy of the helper that another user can reach. */
function argvFor(user: number | undefined, argv: readonly string[]): string[] {
  const [helper, ...rest] = confineArgv(rw, argv);
  if (user === undefined) return [helper, ...rest];
  const copy = join(directory, 'confine');
  copyFileSync(helper, copy);
  chmodSync(copy, 0o755);
  return [copy, ...rest];
}

/** Everything outside of `rw` that an archive of {@link hostileArchive} aims at. */
function state(): unknown {
  const victim = join(outside, 'victim');
  const stat = run(['stat', '-c', '%a %u %g %h %Y', victim, outside]).stdout;
  return { stat, content: readFileSync(victim, 'utf8'), names: readdirSync(outside), beside: readdirSync(directory) };
}

/** An archive whose members try every way out that names have, `outside` being where they would arrive. */
function hostileArchive(): Buffer {
  const script = `
import io, sys, tarfile
outside = sys.argv[1]
archive = tarfile.open(fileobj=sys.stdout.buffer, mode='w|')
def member(name, type=tarfile.REGTYPE, link='', data=b''):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size, info.mode = type, link, len(data), 0o777
    archive.addfile(info, io.BytesIO(data))
member('fine', data=b'fine')
member(outside + '/absolute', data=b'out')
member(outside + '/victim', data=b'out')
member('../outside/dots', data=b'out')
member('../outside/victim', data=b'out')
member('a/../../outside/dots2', data=b'out')
member('../../../../../../../..' + outside + '/dots3', data=b'out')
member('../escaped', data=b'out')
member('link', tarfile.SYMTYPE, outside)
member('link/through', data=b'out')
member('link/victim', data=b'out')
member('relative', tarfile.SYMTYPE, '../outside')
member('relative/through', data=b'out')
member('file-link', tarfile.SYMTYPE, outside + '/victim')
member('file-link', data=b'out')
member('hard', tarfile.LNKTYPE, outside + '/victim')
member('hard', data=b'out')
member('hard2', tarfile.LNKTYPE, '../outside/victim')
member('hard3', tarfile.LNKTYPE, 'link/victim')
member('link', tarfile.DIRTYPE)
member('/', tarfile.DIRTYPE)
member('..', tarfile.DIRTYPE)
member('/usr/lifeboat-was-here', data=b'out')
member('/etc/lifeboat-was-here', data=b'out')
member('/dev/null', data=b'out')
archive.close()
`;
  const made = spawnSync('python3', ['-c', script, outside]);
  expect(made.stderr.toString()).toBe('');
  return made.stdout;
}

/** Why `user` cannot be confined here, by the word of a program that is not ours; `undefined` if it can. */
function obstacle(user: number | undefined): string | undefined {
  const probe = run(['unshare', ...(isRoot && user === undefined ? ['-m'] : ['-Um']), 'true'], user);
  return probe.status === 0 ? undefined : `no mount namespace of one's own: ${probe.stderr}`;
}

const users = isRoot ? [undefined, NOBODY] : [undefined];

describe.each(users)('as user %s (undefined: the one that runs the tests)', (user) => {
  test.for([
    ['-P'],
    ['-P', '--unlink-first'],
    ['-P', '--overwrite'],
    ['-P', '--overwrite', '--keep-directory-symlink'],
    ['-P', '--recursive-unlink'],
  ])('tar %j of a hostile archive changes nothing outside', (options, { skip }) => {
    const why = obstacle(user);
    if (why !== undefined) skip(why);
    const archive = hostileArchive();
    const argv = argvFor(user, ['tar', '-x', ...options]);
    const before = state();
    const outcome = run(argv, user, archive);
    expect(state()).toEqual(before);
    expect(existsSync('/usr/lifeboat-was-here') || existsSync('/etc/lifeboat-was-here')).toBe(false);
    expect(readFileSync(join(rw, 'fine'), 'utf8')).toBe('fine');
    // Not because tar refused: it did try.
    expect(outcome.stderr).toContain(`${outside}/absolute: Cannot open`);
  });
});

// What this archive does where nothing confines tar, so that the tests above are known to test something.
test('the hostile archive does get out of an unconfined tar', () => {
  const before = state();
  const archive = hostileArchive();
  const only = ['../outside/dots', 'link', 'link/through', 'relative', 'relative/through', '../outside/victim'];
  run(['tar', '-x', '-P', '--overwrite', '-C', rw, ...only], undefined, archive);
  expect(state()).not.toEqual(before);
  expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('out');
  expect(readdirSync(outside)).toEqual(expect.arrayContaining(['dots', 'through', 'victim']));
});

describe('the room', () => {
  test('holds what it should, and starts in the directory', ({ skip }) => {
    const why = obstacle(undefined);
    if (why !== undefined) skip(why);
    writeFileSync(join(rw, 'here'), '');
    const outcome = shell('pwd; ls; ls -A /; ls -A /dev; cat </dev/null >/dev/null; ls -d /../../target');
    const there = systemDirectories.filter((path) => existsSync(path) && path.split('/').length === 2);
    const root = [...there.map((path) => path.slice(1)), 'dev', 'target'];
    if (existsSync('/etc/alternatives')) root.push('etc');
    expect(outcome).toMatchObject({
      status: 0,
      stderr: '',
      stdout: [confinedDirectory, 'here', ...root.toSorted(), 'null', '/../../target', ''].join('\n'),
    });
  });

  test('lets nothing else be written, by root neither', ({ skip }) => {
    const why = obstacle(undefined);
    if (why !== undefined) skip(why);
    for (const path of ['/new', '/usr/new', '/bin/new', '/dev/new', '/etc/alternatives/new']) {
      expect(shell(`touch ${path}`).stderr).toMatch(/Read-only file system|No such file/);
    }
    expect(shell('chmod 600 /dev/null').stderr).toMatch(/Read-only file system|not permitted/);
    expect(shell(`cat ${outside}/victim`).stderr).toContain('No such file');
  });

  test('stays shut while somebody swaps a directory for a symlink', async ({ skip, signal }) => {
    const why = obstacle(undefined);
    if (why !== undefined) skip(why);
    const [command, ...args] = confineArgv(rw, [
      'sh',
      '-c',
      'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo x >d/victim; done 2>/dev/null',
    ]);
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'], signal });
    const ended = once(child, 'exit');
    mkdirSync(join(rw, 'd'));
    symlinkSync('../outside', join(rw, 'l'));
    while (child.exitCode === null && child.signalCode === null) {
      renameSync(join(rw, 'd'), join(rw, 'd2'));
      renameSync(join(rw, 'l'), join(rw, 'd'));
      await sleep(1);
      renameSync(join(rw, 'd'), join(rw, 'l'));
      renameSync(join(rw, 'd2'), join(rw, 'd'));
      await sleep(1);
    }
    await ended;
    expect(readFileSync(join(rw, 'd', 'victim'), 'utf8')).toBe('x\n');
    expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
  });

  test('no descriptor but the three is inherited', ({ skip }) => {
    const why = obstacle(undefined);
    if (why !== undefined) skip(why);
    const script = 'exec 7<"$0"; exec "$@"';
    const echo = confineArgv(rw, ['sh', '-c', 'echo one; echo two >&2; cat; : <&7']);
    const outcome = run(['sh', '-c', script, outside, ...echo], undefined, Buffer.from('three'));
    expect(outcome.stdout).toBe('one\nthree');
    expect(outcome.stderr).toMatch(/^two\n.*7: Bad file descriptor/);
  });

  test('dies with its parent', async ({ skip }) => {
    const why = obstacle(undefined);
    if (why !== undefined) skip(why);
    const parent = spawn('sh', ['-c', '"$@" & echo $!; wait', 'sh', ...confineArgv(rw, ['sleep', '600'])]);
    const [line] = await once(parent.stdout, 'data');
    const pid = Number(String(line));
    const running = () =>
      existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    while (readFileSync(`/proc/${pid}/comm`, 'utf8') !== 'sleep\n') await sleep(5);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    for (let tries = 0; tries < 200 && running(); tries++) await sleep(10);
    expect(running()).toBe(false);
  });
});

test.skipIf(!isRoot)('another directory is seen at its place, and nothing else of its filesystem (needs root)', () => {
  const elsewhere = join(outside, 'part');
  mkdirSync(elsewhere);
  const over = [{ directory: elsewhere, place: 'a/b' }];
  const argv = confineArgv(rw, ['sh', '-c', 'echo x >a/b/file; ls a/b/..'], systemDirectories, 'closed', over);
  expect(run(argv)).toMatchObject({ status: 0, stdout: 'b\n' });
  expect(readFileSync(join(elsewhere, 'file'), 'utf8')).toBe('x\n');
  expect(readdirSync(join(rw, 'a/b'))).toEqual([]);
  symlinkSync(outside, join(rw, 'link'));
  const astray = [{ directory: elsewhere, place: 'link/part' }];
  expect(run(confineArgv(rw, ['true'], systemDirectories, 'closed', astray))).toMatchObject({ status: confineFailed });
});

describe.skipIf(!isRoot)('root (and only root) restores everything', () => {
  test('devices, owners, set-user-id, attributes of every kind', () => {
    const source = join(directory, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'file'), 'content');
    chownSync(join(source, 'file'), 1234, 5678);
    chmodSync(join(source, 'file'), 0o6755);
    run(['mknod', join(source, 'device'), 'b', '259', '300']);
    run([
      'python3',
      '-c',
      'import os,sys; [os.setxattr(sys.argv[1], n, b"v") for n in ("user.x","trusted.x")]; os.setxattr(sys.argv[1], "security.capability", bytes.fromhex("0100000200040000000000000000000000000000"))',
      join(source, 'file'),
    ]);
    const packed = spawnSync('tar', ['-c', '--xattrs', '--xattrs-include=*', '-C', source, '.']);
    const outcome = run(
      confineArgv(
        rw,
        ['tar', '-x', '-p', '--xattrs', '--xattrs-include=*', '--numeric-owner'],
        systemDirectories,
        'closed',
      ),
      undefined,
      packed.stdout,
    );
    expect(outcome).toMatchObject({ status: 0, stderr: '' });
    const shown = (base: string) => [
      run(['stat', '-c', '%F %a %u %g %t:%T %Y', join(base, 'file'), join(base, 'device')]).stdout,
      run([
        'python3',
        '-c',
        'import os,sys; print({n: os.getxattr(sys.argv[1], n) for n in sorted(os.listxattr(sys.argv[1]))})',
        join(base, 'file'),
      ]).stdout,
    ];
    expect(shown(rw)).toEqual(shown(source));
    expect(shown(rw).join()).toMatch(/6755 1234 5678[^]*103:12c[^]*security\.capability[^]*trusted\.x/);
  });

  test('a device that was just made can be opened, unless devices are closed', () => {
    // The null device's own numbers: opening it harms nothing.
    const script = 'mknod device c 1 3 && echo x >device';
    expect(shell(script)).toMatchObject({ status: 0 });
    rmSync(join(rw, 'device'));
    expect(shell(script, 'closed').stderr).toContain('device: Permission denied');
    expect(run(['stat', '-c', '%F', join(rw, 'device')]).stdout).toBe('character special file\n');
  });
});

describe('exit status', () => {
  test("the program's own", ({ skip }) => {
    const why = obstacle(undefined);
    if (why !== undefined) skip(why);
    expect(shell('exit 7').status).toBe(7);
    expect(run(confineArgv(rw, ['no-such-program']))).toMatchObject({
      status: 127,
      stderr: 'confine: no-such-program: No such file or directory\n',
    });
  });

  test.each([
    ['a directory that is missing', () => confineArgv('/nonexistent', ['true']), 'chdir /nonexistent: No such file'],
    ['the root of the machine', () => confineArgv('/', ['true']), '--rw / is the whole machine'],
    ['a read-only path with ..', () => confineArgv(rw, ['true'], ['/usr/../etc']), '--ro /usr/../etc: Invalid'],
    ['a read-only path that is the root', () => confineArgv(rw, ['true'], ['/']), '--ro /: Invalid'],
    ['a read-only path over the target', () => confineArgv(rw, ['true'], ['/target/x']), '--ro /target/x: Invalid'],
    ['no command', () => confineArgv(rw, ['true']).slice(0, -1), 'command is missing'],
    ['an unknown option', () => confineArgv(rw, ['true']).toSpliced(1, 0, '--what'), 'option --what'],
    ['a second directory', () => confineArgv(rw, ['true']).toSpliced(1, 0, '--rw', '/x'), 'second --rw'],
  ])('125 for %s', (_, argv, message) => {
    const outcome = run(argv());
    expect(outcome.status).toBe(confineFailed);
    if (obstacle(undefined) === undefined) expect(outcome.stderr).toContain(`confine: ${message}`);
  });
});

test('a read-only path below a symlink of the host is refused, not followed', ({ skip }) => {
  const why = obstacle(undefined);
  if (why !== undefined) skip(why);
  symlinkSync(outside, join(directory, 'link'));
  const outcome = run(confineArgv(rw, ['true'], [join(directory, 'link'), join(directory, 'link', 'victim')]));
  expect(outcome).toMatchObject({ status: confineFailed, stderr: expect.stringContaining('Not a directory') });
});

test.each([
  ['a relative directory', () => confineArgv('rw', ['true'])],
  ['a relative read-only path', () => confineArgv('/x', ['true'], ['usr'])],
  ['no command', () => confineArgv('/x', [])],
  ['NUL', () => confineArgv('/x', ['a\0b'])],
  ['a name that Node would not pass on', () => confineArgv('/x\udcff', ['true'])],
])('refused before anything is started: %s', (_, work) => {
  expect(work).toThrow(LifeboatError);
  expect(work).toThrow(expect.objectContaining({ code: 'native-call' }));
});
