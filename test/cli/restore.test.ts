/** `lifeboat restore` into what is there: consent, differences only, going on after kill -9, other owners, other filesystems. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { getXattr, setXattr } from '../../src/native/xattr.ts';
import { makeNastyTree, oracle } from '../conformance/engine.ts';
import {
  backedUp,
  contents,
  copiesOf,
  isRoot,
  lifeboat,
  listing,
  type Sandbox,
  sandbox,
  signalAt,
  startLifeboat,
} from '../helpers/cli.ts';
import { random, seed } from '../helpers/moments.ts';

const stored = copiesOf(async () => await backedUp(await sandbox()));

/** A backup of the source, restored to `to`; gives where the source lies in there. */
async function restored(box: Sandbox, to: string): Promise<string> {
  return await restoredFrom(await backedUp(box), to);
}

/** The same of the point that it has. */
async function restoredFrom(box: Sandbox, to: string): Promise<string> {
  expect((await box.ask('restore', 'latest', '--to', to)).code).toBe(0);
  return join(to, box.source);
}

async function digestOf(box: Sandbox, ...args: readonly string[]): Promise<string> {
  const { code, json } = await box.ask('restore', 'latest', ...args, '--dry-run');
  expect(code).toBe(0);
  return String(json['digest']);
}

describe.concurrent('into a directory that holds something', () => {
  test('what is new is created beside it without a question; what is there stays', async () => {
    await using box = await sandbox();
    await box.ask('backup');
    const before = contents(box.source);
    expect(await box.ask('restore', 'latest', '--to', box.source)).toMatchObject({
      code: 0,
      json: { replaced: 0, attributes: 0 },
    });
    expect(contents(box.source)).toMatchObject(before);
    expect(contents(join(box.source, box.source))).toEqual(before);
  });

  test('only what differs is restored, what the point does not have is left and counted; a second time nothing is done', async () => {
    await using box = await sandbox();
    writeFileSync(join(box.source, 'keep'), 'kept');
    linkSync(join(box.source, 'keep'), join(box.source, 'keep too'));
    symlinkSync('keep', join(box.source, 'sym'));
    const to = join(box.base, 'to');
    const top = await restored(box, to);
    const before = listing(top);
    writeFileSync(join(top, 'etc/hosts'), 'changed');
    chmodSync(join(top, 'etc/ssh/config'), 0o644);
    unlinkSync(join(top, 'sym'));
    mkdirSync(join(top, 'sym'));
    writeFileSync(join(top, 'mine'), 'mine');
    const digest = await digestOf(box, '--to', to);
    const { code, json } = await box.ask('restore', 'latest', '--to', to, `--yes=${digest}`);
    expect({ code, json }).toMatchObject({
      code: 0,
      json: { created: 0, replaced: 2, attributes: 1, untouched: 1, same: 5 },
    });
    expect(contents(top)).toEqual({ ...contents(box.source), mine: 'mine' });
    expect(readlinkSync(join(top, 'sym'))).toBe('keep');
    const after = listing(top);
    // Not even their inodes changed.
    for (const name of ['keep', 'keep too']) expect(after[name]).toBe(before[name]);
    const again = await box.ask('restore', 'latest', '--to', to);
    expect(again).toMatchObject({ code: 0, json: { created: 0, replaced: 0, attributes: 0 } });
    expect(listing(top)).toEqual(after);
  });

  test('nothing is overwritten without consent to exactly that: exit 5, nothing is written', async () => {
    await using box = await stored();
    const to = join(box.base, 'to');
    const top = await restoredFrom(box, to);
    writeFileSync(join(top, 'etc/hosts'), 'mine');
    unlinkSync(join(top, 'etc/ssh/config'));
    const before = listing(to);
    const digest = await digestOf(box, '--to', to);
    expect((await box.run('restore', 'latest', '--to', to, '--dry-run')).stdout).toMatch(
      /To be overwritten: 1\n.*etc\/hosts +file, 4 B, changed /,
    );
    for (const yes of [[], ['--yes'], ['--yes=0123456789abcdef']]) {
      const refused = await box.ask('restore', 'latest', '--to', to, ...yes);
      expect(refused).toMatchObject({ code: 5, json: { error: { code: 'refused' } } });
      expect(refused.json.error?.hint).toContain(`--yes=${digest}`);
    }
    // The file is another one now, so the digest is too.
    writeFileSync(join(top, 'etc/hosts'), 'mine again');
    expect((await box.ask('restore', 'latest', '--to', to, `--yes=${digest}`)).code).toBe(5);
    writeFileSync(join(top, 'etc/hosts'), 'mine');
    expect(Object.keys(listing(to))).toEqual(Object.keys(before));
    const only = join(box.source, 'etc/ssh');
    expect(await box.ask('restore', 'latest', only, '--to', to, '--yes')).toMatchObject({
      code: 0,
      json: { created: 1 },
    });
    expect(readFileSync(join(top, 'etc/hosts'), 'utf8')).toBe('mine');
  });

  test('a directory that is not empty, where the point has a file, stays and is named: exit 4', async () => {
    await using box = await stored();
    const to = join(box.base, 'to');
    const top = await restoredFrom(box, to);
    unlinkSync(join(top, 'etc/hosts'));
    mkdirSync(join(top, 'etc/hosts'));
    writeFileSync(join(top, 'etc/hosts/mine'), 'mine');
    const { code, json } = await box.ask('restore', 'latest', '--to', to);
    expect(code).toBe(4);
    expect(json.run?.findings).toMatchObject([
      { subject: join(box.source, 'etc/hosts'), problem: expect.stringContaining('directory that is not empty') },
    ]);
    expect(readFileSync(join(top, 'etc/hosts/mine'), 'utf8')).toBe('mine');
  });

  test('nothing is restored through a symlink that stands in the way', async () => {
    await using box = await stored();
    const to = join(box.base, 'to');
    const top = await restoredFrom(box, to);
    const elsewhere = join(box.base, 'elsewhere');
    renameSync(join(top, 'etc'), elsewhere);
    symlinkSync(elsewhere, join(top, 'etc'));
    writeFileSync(join(elsewhere, 'hosts'), 'elsewhere');
    const one = join(box.source, 'etc/hosts');
    expect(await box.ask('restore', 'latest', one, '--to', to)).toMatchObject({ code: 4 });
    const digest = await digestOf(box, '--to', to);
    expect(await box.ask('restore', 'latest', '--to', to, `--yes=${digest}`)).toMatchObject({ code: 0 });
    expect(lstatSync(join(top, 'etc')).isDirectory()).toBe(true);
    expect(readFileSync(join(elsewhere, 'hosts'), 'utf8')).toBe('elsewhere');
    expect(contents(top)).toEqual(contents(box.source));
  });

  test('names of one file: linked where they were, apart where they were not', async () => {
    await using box = await sandbox();
    const at = (name: string) => join(box.source, name);
    writeFileSync(at('a'), 'one');
    linkSync(at('a'), at('b'));
    linkSync(at('a'), at('c'));
    writeFileSync(at('x'), 'two');
    writeFileSync(at('y'), 'two');
    utimesSync(at('x'), 1, 1);
    utimesSync(at('y'), 1, 1);
    const to = join(box.base, 'to');
    const top = await restored(box, to);
    const wanted = oracle(box.source);
    expect(oracle(top)).toEqual(wanted);
    // A name lost, a name that is another file now, and two files made one, also with a name that nobody knows.
    unlinkSync(join(top, 'b'));
    unlinkSync(join(top, 'c'));
    writeFileSync(join(top, 'c'), 'one');
    unlinkSync(join(top, 'y'));
    linkSync(join(top, 'x'), join(top, 'y'));
    linkSync(join(top, 'a'), join(to, 'foreign'));
    chmodSync(join(top, 'a'), 0o600);
    const digest = await digestOf(box, '--to', to);
    expect(await box.ask('restore', 'latest', '--to', to, `--yes=${digest}`)).toMatchObject({ code: 0 });
    expect(oracle(top)).toEqual(wanted);
    expect(lstatSync(join(to, 'foreign')).mode & 0o777).toBe(0o600);
  });
});

test.concurrent('whatever a tree holds and whatever became of it, it is as it was', async () => {
  await using box = await sandbox();
  makeNastyTree(box.source);
  const to = join(box.base, 'to');
  const top = await restored(box, to);
  const wanted = oracle(box.source);
  expect(oracle(top)).toEqual(wanted);
  const names = readdirSync(top, { encoding: 'buffer' });
  const below = (name: Buffer) => Buffer.concat([Buffer.from(`${top}/`), name]);
  const next = random(seed);
  for (const name of names) {
    const path = below(name);
    const stats = lstatSync(path);
    const way = Math.floor(next() * 4);
    if (way === 0) rmSync(path, { recursive: true });
    else if (way === 1 && stats.isFile()) truncateSync(path, 1);
    else if (way === 2 && isRoot && !stats.isSymbolicLink()) chownSync(path, 12, 13);
    else if (way === 3 && !stats.isSymbolicLink()) chmodSync(path, 0o711);
  }
  const digest = await digestOf(box, '--to', to);
  expect(await box.ask('restore', 'latest', '--to', to, `--yes=${digest}`), `seed ${seed}`).toMatchObject({ code: 0 });
  expect(oracle(top), `seed ${seed}`).toEqual(wanted);
  expect(await box.ask('restore', 'latest', '--to', to)).toMatchObject({ code: 0, json: { created: 0, replaced: 0 } });
});

test.concurrent('patterns choose what is restored, one that matches nothing is named', async () => {
  await using box = await sandbox();
  for (const name of ['a.conf', 'b.conf', 'c.txt', 'a[1].conf']) writeFileSync(join(box.source, name), name);
  await box.ask('backup');
  const chosen = async (...patterns: readonly string[]) => {
    const to = mkdtempSync(join(box.base, 'to-'));
    const { code, json } = await box.ask(
      'restore',
      'latest',
      ...patterns.map((one) => join(box.source, one)),
      '--to',
      to,
    );
    const found = existsSync(join(to, box.source)) ? Object.keys(contents(join(to, box.source))).sort() : [];
    return { code, found, findings: json.run?.findings };
  };
  expect(await chosen('*.conf')).toMatchObject({ code: 0, found: ['a.conf', 'a[1].conf', 'b.conf'] });
  expect(await chosen('a[1].conf')).toMatchObject({ code: 0, found: ['a[1].conf'] });
  expect(await chosen('**/config', 'c.*')).toMatchObject({
    code: 0,
    found: ['c.txt', 'etc', 'etc/ssh', 'etc/ssh/config'],
  });
  expect(await chosen('c.txt', '*.none')).toMatchObject({
    code: 4,
    findings: [{ subject: join(box.source, '*.none') }],
  });
  expect(await chosen('*.none')).toMatchObject({ code: 1, found: [] });
});

describe.concurrent('going on after kill -9', () => {
  async function prepared(box: Sandbox): Promise<Record<string, string>> {
    for (let index = 0; index < 40; index++) writeFileSync(join(box.source, `f${index}`), randomBytes(40_000));
    writeFileSync(join(box.source, 'z big'), randomBytes(48 << 20));
    expect((await box.ask('backup')).code).toBe(0);
    return contents(box.source);
  }
  const midway = '"step":"restore.files","message":{"type":"progress"';

  test.for(['resume', 'the same command again'])('%s: what was whole is kept, a half is not', async (how) => {
    await using box = await sandbox();
    const original = await prepared(box);
    const to = join(box.base, 'to');
    const args = ['restore', 'latest', '--to', to];
    const killed = await box.start(['--json', ...args], signalAt(box, midway, 2, 'SIGKILL')).ended;
    expect(killed.code).toBeNull();
    const [staging = ''] = readdirSync(to);
    // As if the disk had lost the end of one that was whole, and kept its length and time.
    const files = join(to, staging, 'files', box.source);
    const [whole] = readdirSync(files).filter(
      (name) => name.startsWith('f') && lstatSync(join(files, name)).size === 40_000,
    );
    expect(whole).toBeDefined();
    const { atime, mtime } = lstatSync(join(files, whole ?? ''));
    writeFileSync(join(files, whole ?? ''), Buffer.alloc(40_000));
    utimesSync(join(files, whole ?? ''), atime, mtime);
    const [id = ''] = readdirSync(join(box.state, 'runs')).sort().slice(-1);
    const ended = how === 'resume' ? await box.ask('runs', 'resume', id) : await box.ask(...args);
    expect(ended.code).toBe(0);
    expect(Number(ended.json['kept'])).toBeGreaterThan(10);
    expect(contents(join(to, box.source))).toEqual(original);
    expect(readdirSync(to).filter((name) => name.startsWith('.lifeboat'))).toEqual([]);
    // The run that was killed has nothing to undo any more.
    if (how !== 'resume') expect((await box.ask('runs', 'resume', id, '--undo')).code).toBe(0);
    expect(contents(join(to, box.source))).toEqual(original);
  });
});

describe.skipIf(!isRoot).concurrent('root (and only root)', () => {
  test('gives files to other owners', async () => {
    await using box = await sandbox();
    writeFileSync(join(box.source, 'mine'), 'x');
    chownSync(join(box.source, 'mine'), 1000, 1000);
    chownSync(join(box.source, 'etc'), 1000, 50);
    await box.ask('backup');
    const to = join(box.base, 'to');
    const map = ['--owner-map', 'user:1000=2000', '--owner-map', 'group:1000=3000'];
    expect(await box.ask('restore', 'latest', '--to', to, ...map)).toMatchObject({ code: 0 });
    const owner = (name: string) => [
      lstatSync(join(to, box.source, name)).uid,
      lstatSync(join(to, box.source, name)).gid,
    ];
    expect([owner('mine'), owner('etc'), owner('etc/hosts')]).toEqual([
      [2000, 3000],
      [2000, 50],
      [0, 0],
    ]);
    expect(await box.ask('restore', 'latest', '--to', to, ...map)).toMatchObject({ code: 0, json: { attributes: 0 } });
    for (const rule of ['1000=2000', 'user:a=b', 'user:1=4294967295'])
      expect((await box.ask('restore', 'latest', '--to', to, '--owner-map', rule)).code).toBe(2);
  });

  test('restores across mount points, each file on its filesystem, and nothing into those of the kernel', async () => {
    await using box = await sandbox();
    for (const name of ['var/lib', 'proc']) mkdirSync(join(box.source, name), { recursive: true });
    for (const name of ['var/a', 'var/lib/b', 'proc/c']) writeFileSync(join(box.source, name), name);
    linkSync(join(box.source, 'var/lib/b'), join(box.source, 'var/lib/b2'));
    await box.ask('backup');
    const to = join(box.base, 'to');
    const top = join(to, box.source);
    mkdirSync(join(top, 'var/lib'), { recursive: true });
    mkdirSync(join(top, 'proc'));
    const mounted = [join(top, 'var/lib'), join(top, 'proc')];
    execFileSync('mount', ['-t', 'tmpfs', 'none', join(top, 'var/lib')]);
    execFileSync('mount', ['-t', 'proc', 'none', join(top, 'proc')]);
    try {
      writeFileSync(join(top, 'var/lib/b'), 'old');
      const digest = await digestOf(box, '--to', to);
      const { code, json } = await box.ask('restore', 'latest', '--to', to, `--yes=${digest}`);
      expect({ code, findings: json.run?.findings }).toMatchObject({
        code: 4,
        findings: [{ subject: join(box.source, 'proc'), problem: expect.stringContaining('1 entry not restored') }],
      });
      expect(readFileSync(join(top, 'var/lib/b'), 'utf8')).toBe('var/lib/b');
      expect(lstatSync(join(top, 'var/lib/b')).dev).not.toBe(lstatSync(join(top, 'var/a')).dev);
      expect(lstatSync(join(top, 'var/lib/b')).nlink).toBe(2);
      expect(readdirSync(join(top, 'var/lib')).sort()).toEqual(['b', 'b2']);
    } finally {
      for (const path of mounted.reverse()) execFileSync('umount', [path]);
    }
  });

  test('goes on when a disk that was full has room again', async () => {
    await using box = await sandbox();
    for (let index = 0; index < 8; index++) writeFileSync(join(box.source, `f${index}`), randomBytes(1 << 20));
    await box.ask('backup');
    const to = join(box.base, 'to');
    mkdirSync(to);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=5m,mode=755', 'none', to]);
    try {
      const full = await box.ask('restore', 'latest', '--to', to);
      expect(full).toMatchObject({ code: 1, json: { error: { code: 'no-space' } } });
      execFileSync('mount', ['-o', 'remount,size=64m', to]);
      const ended = await box.ask('runs', 'resume', full.json.run?.id ?? '');
      expect(ended).toMatchObject({ code: 0 });
      expect(Number(ended.json['kept'])).toBeGreaterThan(0);
      expect(contents(join(to, box.source))).toEqual(contents(box.source));
    } finally {
      execFileSync('umount', [to]);
    }
  });
});

test.skipIf(!isRoot)(
  'who is not root restores what he can, and the rest is named by kind (as another user)',
  async ({ skip }) => {
    const nobody = 65534;
    const reads = spawnSync('test', ['-r', lifeboat], { uid: nobody, gid: nobody });
    if (reads.status !== 0) return skip('other users cannot read this checkout');
    await using box = await sandbox();
    const at = (name: string) => join(box.source, name);
    for (const name of ['a', 'b']) writeFileSync(at(name), name, { mode: 0o644 });
    chownSync(at('a'), 1, 1);
    execFileSync('mknod', [at('null'), 'c', '1', '3']);
    setXattr(at('a'), 'trusted.x', Buffer.from('x'));
    setXattr(at('a'), 'user.x', Buffer.from('x'));
    linkSync(at('a'), at('a too'));
    mkdirSync(at('d/e'), { recursive: true });
    writeFileSync(at('d/e/f'), 'f');
    for (const name of ['d/e', 'd']) chmodSync(at(name), 0o555);
    await box.ask('backup');
    const home = join(box.base, 'home');
    mkdirSync(home);
    chownSync(home, nobody, nobody);
    execFileSync('chmod', ['-R', 'a+rX', box.base]);
    for (const round of [1, 2]) {
      const options = ['--config', box.config, '--state-dir', join(home, 'state'), '--json', '--quiet'];
      const to = join(home, 'to');
      const { code, json } = await startLifeboat([...options, 'restore', 'latest', '--to', to], { uid: nobody }).ended;
      expect({ code, round }).toEqual({ code: 4, round });
      const kinds = json.run?.findings.map(({ subject }) => subject);
      expect([...(kinds ?? [])].sort()).toEqual(['attributes trusted.*', 'devices', 'owners']);
      const top = join(to, box.source);
      expect(contents(top)).toMatchObject({ a: 'a', 'a too': 'a', b: 'b', 'd/e/f': 'f' });
      expect([lstatSync(join(top, 'a')).nlink, lstatSync(join(top, 'd')).mode & 0o777]).toEqual([2, 0o555]);
      expect(getXattr(join(top, 'a'), 'user.x')?.toString()).toBe('x');
    }
  },
);

test.skipIf(!isRoot)('flags are restored last, and keep nothing from being restored (needs root)', async ({ skip }) => {
  await using box = await sandbox();
  const chattr = (flags: string, ...paths: readonly string[]) => spawnSync('chattr', [flags, ...paths]).status === 0;
  const at = (name: string) => join(box.source, name);
  for (const name of ['i', 'i too', 'A']) writeFileSync(at(name), name);
  mkdirSync(at('d'));
  writeFileSync(at('d/file'), 'in a directory that cannot be changed');
  if (!chattr('+A', at('A')) || !chattr('+id', at('i'), at('i too'), at('d'))) return skip('no chattr here');
  const to = join(box.base, 'to');
  const top = join(to, box.source);
  const flags = (directory: string) =>
    execFileSync('lsattr', ['-d', ...['A', 'i', 'i too', 'd', 'd/file'].map((name) => join(directory, name))])
      .toString()
      .replaceAll(directory, '');
  try {
    await restored(box, to);
    expect(flags(top)).toBe(flags(box.source));
    expect(contents(top)).toEqual(contents(box.source));
    expect(chattr('-i', join(top, 'i'))).toBe(true);
    writeFileSync(join(top, 'i'), 'changed');
    expect(chattr('+i', join(top, 'i'))).toBe(true);
    expect(
      chattr('-i', join(top, 'i too')) && chattr('-d', join(top, 'i too')) && chattr('+i', join(top, 'i too')),
    ).toBe(true);
    const digest = await digestOf(box, '--to', to);
    const again = await box.ask('restore', 'latest', '--to', to, `--yes=${digest}`);
    expect(again).toMatchObject({ code: 0, json: { replaced: 1, attributes: 1 } });
    expect(flags(top)).toBe(flags(box.source));
    expect(contents(top)).toEqual(contents(box.source));
  } finally {
    chattr('-i', ...[box.source, top].flatMap((one) => ['i', 'i too', 'd'].map((name) => join(one, name))));
  }
});
