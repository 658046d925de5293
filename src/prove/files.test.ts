import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backupJob, isRoot, makeNastyTree, type Place, place } from '../../test/conformance/engine.ts';
import { openEngine } from '../engine/engines.ts';
import { nameFromBytes, nameToBytes } from '../kernel/text.ts';
import { AT_FDCWD, utimensat } from '../native/file.ts';
import { getXattr, removeXattr, setXattr } from '../native/xattr.ts';
import { memoryTarget } from '../target/memory/memory.ts';
import { type FilesRecovery, proveFiles } from './files.ts';
import type { FilesProof } from './proof.ts';

const { signal } = new AbortController();
const engine = openEngine('tar');
const odd = 'not utf-8 \xff\xfe';

let at: Place;
let tree: string;
/** The point, and a function that restores it into a directory of its own. */
let point: Pick<FilesRecovery, 'entries' | 'total'>;
let restored: (name: string) => Promise<string>;

beforeAll(async () => {
  at = await place();
  tree = await at.directory('tree');
  makeNastyTree(tree);
  // Of a gigabyte, which takes long.
  truncateSync(join(tree, 'sparse'), 6 << 20);
  execFileSync('chattr', ['+d', join(tree, 'x-y'), join(tree, 'empty dir')]);
  const job = backupJob(memoryTarget('prove', new Map()), [tree]);
  const { stored, entries, bytes } = await engine.backup(job, signal);
  point = { entries: () => engine.entries({ ...job, stored }, signal), total: { entries, bytes } };
  restored = async (name) => {
    const directory = await at.directory(name);
    const { findings } = await engine.restore({ ...job, stored, paths: [], directory }, signal);
    expect(findings).toEqual([]);
    // The last thing that a restore does is to set the flags.
    execFileSync('chattr', ['+d', join(directory, tree, 'x-y'), join(directory, tree, 'empty dir')]);
    return directory;
  };
});
afterAll(() => at[Symbol.asyncDispose]());

const prove = (root: string, more: Partial<FilesRecovery> = {}): Promise<FilesProof> =>
  proveFiles({ ...point, root, changed: [], ...more }, () => undefined, signal);

test('what was restored is proven: every file read, holes or not, and nothing is different', async () => {
  const root = await restored('whole');
  // A file that was sparse and is not any more, and one the other way round, have the same content.
  const hole = join(root, tree, 'hole only');
  const { mtimeNs, ino } = lstatSync(hole, { bigint: true });
  execFileSync('dd', ['if=/dev/zero', `of=${hole}`, 'bs=1M', 'count=3', 'conv=notrunc', 'status=none']);
  utimensat(AT_FDCWD, hole, undefined, mtimeNs, false);
  expect(statSync(hole).blocks).toBeGreaterThan(0);
  expect(lstatSync(hole, { bigint: true }).ino).toBe(ino);
  const proof = await prove(root);
  expect(proof).toMatchObject({ different: [], missing: [], wrong: 0, sampled: false, changedOnPurpose: 0 });
  expect(proof.checked).toBe(proof.files);
  expect(proof.bytes).toBe(proof.fileBytes);
  expect(proof.bytes).toBe(point.total.bytes);
  expect(proof.total).toBe(point.total.entries);
});

describe('every kind of difference is found', () => {
  let root: string;
  let proof: FilesProof;
  const inside = (name: string) => join(root, tree, name);
  const keepingTimes = (name: string, change: (path: string) => void) => {
    const path = inside(name);
    const directory = join(path, '..');
    const times = [path, directory].flatMap((one) => {
      const stats = lstatSync(nameToBytes(one), { bigint: true, throwIfNoEntry: false });
      return stats === undefined ? [] : [[one, stats.mtimeNs] as const];
    });
    change(path);
    for (const [one, mtimeNs] of times) {
      if (lstatSync(nameToBytes(one), { throwIfNoEntry: false })) utimensat(AT_FDCWD, one, undefined, mtimeNs, true);
    }
  };

  beforeAll(async () => {
    root = await restored('broken');
    // One byte in the middle, of the same length and with the old time.
    keepingTimes('big', (path) => {
      const file = openSync(path, 'r+');
      writeSync(file, 'X', 1_500_000);
      closeSync(file);
    });
    keepingTimes(nameFromBytes(Buffer.from(odd, 'latin1')), (path) => {
      const file = openSync(nameToBytes(path), 'r+');
      writeSync(file, 'C', 0);
      closeSync(file);
    });
    keepingTimes('x.y', (path) => appendFileSync(path, 'more'));
    keepingTimes('-dash', (path) => chmodSync(path, 0o755));
    keepingTimes('#x', (path) => (isRoot ? chownSync(path, 5, 6) : undefined));
    // A nanosecond.
    const { mtimeNs } = lstatSync(inside('fifo'), { bigint: true });
    utimensat(AT_FDCWD, inside('fifo'), undefined, mtimeNs + 1n, false);
    keepingTimes('plain', (path) => {
      setXattr(path, 'user.binary', Buffer.from('other'));
      removeXattr(path, 'user.empty');
      const acl = getXattr(path, 'system.posix_acl_access') ?? Buffer.alloc(0);
      const changed = Buffer.from(acl);
      // Of the entry after the owner's: what it may do.
      changed.writeUInt16LE(7, 4 + 8 + 2);
      setXattr(path, 'system.posix_acl_access', changed);
    });
    keepingTimes('x', (path) => removeXattr(path, 'system.posix_acl_default'));
    if (isRoot) keepingTimes('empty', (path) => removeXattr(path, 'security.capability'));
    keepingTimes('@long', (path) => setXattr(path, 'user.new', Buffer.from('x')));
    execFileSync('chattr', ['-d', inside('x-y'), inside('empty dir')]);
    execFileSync('chattr', ['+A', inside('--checkpoint-action=exec=x')]);
    keepingTimes('links/third', (path) => {
      copyFileSync(path, `${path}.copy`);
      utimensat(AT_FDCWD, `${path}.copy`, undefined, lstatSync(path, { bigint: true }).mtimeNs, false);
      renameSync(`${path}.copy`, path);
    });
    keepingTimes('back\\slash\\n', (path) => {
      rmSync(path);
      execFileSync('ln', [inside('quo"te\'s'), path]);
    });
    keepingTimes('tab\tbell\x07', (path) => unlinkSync(path));
    keepingTimes('sparse second', (path) => unlinkSync(path));
    keepingTimes('extra file', (path) => writeFileSync(path, 'x'));
    keepingTimes('sym up', (path) => {
      const { uid, gid } = lstatSync(path);
      rmSync(path);
      symlinkSync('../../elsewhere', path);
      if (isRoot) execFileSync('chown', ['-h', `${uid}:${gid}`, path]);
    });
    keepingTimes('sym long', (path) => {
      rmSync(path);
      mkdirSync(path);
    });
    if (isRoot) {
      keepingTimes('null', (path) => {
        rmSync(path);
        execFileSync('mknod', ['-m', '644', path, 'c', '1', '4']);
      });
    }
    lutimesSync(inside('sym abs'), 0, 1);
    proof = await prove(root, { leftOut: [join(tree, 'sparse')] });
  });

  const differencesOf = (name: string) =>
    proof.different.find(({ path }) => path === join(tree, nameFromBytes(Buffer.from(name, 'latin1'))))?.differences ??
    [];

  test.each<[what: string, name: string, differences: readonly RegExp[]]>([
    ['content of the same size and time', 'big', [/^content \(SHA-256\) is [0-9a-f]{64}, expected [0-9a-f]{64}$/]],
    ['content of a file whose name is not UTF-8', odd, [/^content/]],
    ['size', 'x.y', [/^size is \d+, expected \d+$/]],
    ['mode', '-dash', [/^mode is 0755, expected 2755$/]],
    ['a nanosecond', 'fifo', [/^modification time is 1234567890123456791, expected 1234567890123456790$/]],
    [
      'attributes and an ACL',
      'plain',
      [/^attribute user\.binary is/, /^attribute user\.empty is absent/, /^attribute system\.posix_acl_access is/],
    ],
    ['an ACL that new files would get', 'x', [/^attribute system\.posix_acl_default is absent/]],
    ['an attribute that is not in the point', '@long', [/^attribute user\.new is .*, expected absent$/]],
    ['a flag that is lost', 'x-y', [/^flags are none, expected d$/]],
    ['a flag of a directory', 'empty dir', [/^flags are none, expected d$/]],
    ['a flag that is not in the point', '--checkpoint-action=exec=x', [/^flags are A, expected none$/]],
    ['a hard link that is broken', 'links/third', [/^it is not the same file as .*\/first, of which/]],
    [
      'a hard link that should be none',
      'quo"te\'s',
      [/^it is the same file as .*back.*, and should be one of its own$/],
    ],
    ['the target of a symlink', 'sym up', [/^link target is \.\.\/\.\.\/elsewhere, expected \.\.\/\.\.\/up$/]],
    ['the time of a symlink', 'sym abs', [/^modification time/]],
    ['a directory in place of a symlink', 'sym long', [/^type is directory, expected symlink$/]],
  ])('%s', (_, name, differences) => {
    const found = differencesOf(name);
    for (const one of differences) expect(found).toContainEqual(expect.stringMatching(one));
  });

  test.skipIf(!isRoot).each([
    ['an owner', '#x', /^owner is 5:6, expected 0:0$/],
    ['a capability', 'empty', /^attribute security\.capability is absent/],
    ['the numbers of a device', 'null', /^device is 1:4, expected 1:3$/],
  ])('%s (needs root)', (_, name, difference) => {
    expect(differencesOf(name)).toEqual([expect.stringMatching(difference)]);
  });

  test('what is missing, another name of a file too', () => {
    expect(proof.missing).toEqual([join(tree, 'sparse second'), join(tree, 'tab\tbell\x07')]);
  });

  test('what is there and not in the point is told, and is no fault', () => {
    expect(proof).toMatchObject({ extra: 1, extraPaths: [join(tree, 'extra file')] });
  });

  test('nothing else, and all is counted', () => {
    const names = proof.different.map(({ path }) => path.slice(tree.length + 1));
    const rootOnly = isRoot ? ['#x', 'empty', 'null'] : [];
    const expected = `big -dash fifo plain x x.y @long x-y --checkpoint-action=exec=x links/third`.split(' ');
    const odder = [
      'empty dir',
      'quo"te\'s',
      'back\\slash\\n',
      'sym up',
      'sym abs',
      'sym long',
      nameFromBytes(Buffer.from(odd, 'latin1')),
    ];
    // The other name of the two that became one is different in its content too.
    expect(names.sort()).toEqual([...expected, ...odder, ...rootOnly].sort());
    expect(proof.wrong).toBe(proof.different.length + proof.missing.length);
  });
});

test('what was changed on purpose is counted and not compared, and moves the time of its directory', async () => {
  const root = await restored('changed');
  writeFileSync(join(root, tree, 'x/f'), 'another');
  writeFileSync(join(root, tree, 'deep/new'), 'another');
  rmSync(join(root, tree, 'links'), { recursive: true });
  const changed = ['x/f', 'deep', 'links'].map((name) => join(tree, name));
  const left = { leftOut: [join(tree, 'sparse'), join(tree, 'hole only')] };
  const proof = await prove(root, { changed, ...left });
  expect(proof).toMatchObject({
    different: [],
    missing: [],
    wrong: 0,
    extraPaths: [],
    changedOnPurpose: 1 + 8 + 2,
    leftOut: 2,
  });
  expect(proof.total).toBe(point.total.entries - 11 - 2);
  const without = await prove(root, { changed: [], ...left });
  expect(without.wrong).toBeGreaterThan(3);
});

test('without time for the content, all else is compared all the same, and it is said', async () => {
  const root = await restored('sampled');
  const path = join(root, tree, 'big');
  const { mtimeNs } = lstatSync(path, { bigint: true });
  writeFileSync(path, Buffer.alloc(statSync(path).size));
  utimensat(AT_FDCWD, path, undefined, mtimeNs, false);
  chmodSync(join(root, tree, 'x/f'), 0o600);
  unlinkSync(join(root, tree, 'x.y'));
  const proof = await prove(root, { budgetMs: 0 });
  expect(proof).toMatchObject({ sampled: true, wrong: 3, bytes: 0, missing: [join(tree, 'x.y')] });
  expect(proof.rule).toMatch(/chance/);
  expect(proof.different.map(({ path: one, differences }) => [one, differences.length])).toEqual([
    [tree, 1],
    [join(tree, 'x/f'), 1],
  ]);
  // Time for all of it: nothing is left out, and what was not seen before is.
  const whole = await prove(root, { budgetMs: 600_000 });
  expect(whole).toMatchObject({ sampled: false, wrong: 4 });
});
