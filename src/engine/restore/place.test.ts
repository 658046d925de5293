import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../../test/helpers/temporary.ts';
import { setXattr, getXattr, listXattrs } from '../../native/xattr.ts';
import type { Entry } from '../entry.ts';
import { Findings } from '../tar/stderr.ts';
import { readFlags, setAttributes } from './attributes.ts';
import { compareWith } from './compare.ts';
import { holding } from './held.ts';
import { finishAttributes } from './finish.ts';
import { place, type Placed, type Placing } from './place.ts';
import { StageCounts, walkStage } from './stage.ts';

const uid = process.getuid?.() ?? 0;
const gid = process.getgid?.() ?? 0;
const sha256 = createHash('sha256').update('text').digest('hex');
const mtimeNs = '5000000000';

function entry(path: string, type: Entry['type'], more: Partial<Entry> = {}): Entry {
  return { path, type, mode: 0o644, uid, gid, mtimeNs, size: 0, ...more };
}

const file = (path: string, more: Partial<Entry> = {}) => entry(path, 'file', { size: 4, sha256, ...more });

/** What a restore of these entries would do to what is in `at/to` now, with a stage that nothing is in yet. */
async function placing(at: string, entries: readonly Entry[], signal: AbortSignal): Promise<Placing> {
  const directory = join(at, 'to');
  async function* all(): AsyncIterable<Entry> {
    yield* entries;
  }
  const everything = { has: () => true, chose: () => true };
  const options = { directory, root: false, onProgress: () => undefined };
  const comparison = await compareWith(all(), everything, options, signal);
  const stage = { directory: join(at, 'stage'), elsewhere: [] };
  mkdirSync(stage.directory);
  const staged = { entries: 0, bytes: 0 };
  return { directory, stage, staged, comparison, findings: new Findings(), onCreate: () => undefined };
}

/** All that is in the stage by now. */
async function placed(job: Placing, signal: AbortSignal): Promise<Placed> {
  const staged = new StageCounts();
  for await (const batch of walkStage(job.stage, false, signal)) for (const found of batch) staged.add(found);
  return await place({ ...job, staged }, signal);
}

function write(path: string, text: string, mode: number): void {
  writeFileSync(path, text, { mode });
  utimesSync(path, 5, 5);
}

test('attributes are given to what was compared, and to nothing that took its name since', async ({ signal }) => {
  await using at = await temporaryDirectory();
  const to = join(at.path, 'to');
  mkdirSync(join(to, 'd'), { recursive: true, mode: 0o711 });
  mkdirSync(join(to, 'secret'), { mode: 0o700 });
  write(join(to, 'x'), 'text', 0o640);
  // Of the same length and time, which who wants it can see to.
  write(join(to, 'r'), 'mine', 0o600);
  const job = await placing(at.path, [entry('d', 'directory', { mode: 0o777 }), file('x')], signal);
  for (const [one, other] of [
    ['x', 'r'],
    ['d', 'secret'],
  ] as const) {
    renameSync(join(to, one), join(to, `was ${one}`));
    renameSync(join(to, other), join(to, one));
  }
  await finishAttributes(job, async () => undefined, signal);
  expect([lstatSync(join(to, 'x')).mode & 0o777, lstatSync(join(to, 'd')).mode & 0o777]).toEqual([0o600, 0o700]);
  expect(job.findings.list().map(({ subject }) => subject)).toEqual(['/x', '/d']);
});

test('a file gets another name only if it is what was compared', async ({ signal }) => {
  await using at = await temporaryDirectory();
  const to = join(at.path, 'to');
  mkdirSync(to);
  for (const name of ['a', 'x']) write(join(to, name), 'text', 0o644);
  const links = [entry('a2', 'hardlink', { link: 'a' }), entry('x2', 'hardlink', { link: 'x' })];
  const job = await placing(at.path, [file('a'), file('x'), ...links], signal);
  write(join(to, 'r'), 'mine', 0o600);
  renameSync(join(to, 'r'), join(to, 'x'));
  await place(job, signal);
  expect(lstatSync(join(to, 'a2')).ino).toBe(lstatSync(join(to, 'a')).ino);
  expect(lstatSync(join(to, 'x2'), { throwIfNoEntry: false })).toBeUndefined();
  expect(job.findings.list()).toMatchObject([
    { subject: '/x2', problem: expect.stringContaining('changed meanwhile') },
  ]);
});

test('what is held gets every attribute, also a symlink, whatever becomes of its name', async () => {
  await using at = await temporaryDirectory();
  const [kept, other] = [join(at.path, 'kept'), join(at.path, 'other')];
  write(kept, 'text', 0o600);
  setXattr(kept, 'user.gone', Buffer.from('x'));
  const problems: string[] = [];
  const value = Buffer.from('value').toString('base64');
  holding(kept, (held) => {
    renameSync(kept, other);
    write(kept, 'mine', 0o600);
    setAttributes(held, file('', { xattrs: { 'user.x': value }, mode: 0o640, mtimeNs: '7000000001' }), (text) =>
      problems.push(text),
    );
  });
  expect(problems).toEqual([]);
  expect(lstatSync(other, { bigint: true })).toMatchObject({ mode: 0o100640n, mtimeNs: 7000000001n });
  expect([listXattrs(other), getXattr(other, 'user.x')?.toString()]).toEqual([['user.x'], 'value']);
  expect([lstatSync(kept).mode & 0o777, listXattrs(kept)]).toEqual([0o600, []]);
  const link = join(at.path, 'link');
  symlinkSync('kept', link);
  const owner = uid === 0 ? { uid: 12, gid: 13 } : {};
  holding(link, (held) => setAttributes(held, entry('', 'symlink', owner), (text) => problems.push(text)));
  expect(problems).toEqual([]);
  expect(lstatSync(link, { bigint: true })).toMatchObject({ mtimeNs: BigInt(mtimeNs), uid: BigInt(owner.uid ?? uid) });
  expect([lstatSync(kept).uid, lstatSync(kept).mtimeMs, readFileSync(kept, 'utf8')]).toEqual([uid, 5000, 'mine']);
});

test('what cannot be moved is kept and named, and only what was done is counted', async ({ signal, skip }) => {
  await using at = await temporaryDirectory();
  const shm = mkdtempSync('/dev/shm/lifeboat-test-');
  try {
    if (lstatSync(shm).dev === lstatSync(at.path).dev) return skip('no second filesystem here');
    mkdirSync(join(at.path, 'to'));
    const job = await placing(at.path, [file('a'), entry('d', 'directory'), file('d/b')], signal);
    const stage = { directory: shm, elsewhere: [] };
    mkdirSync(join(shm, 'd'));
    for (const name of ['a', 'd/b']) write(join(shm, name), 'text', 0o644);
    expect(await placed({ ...job, stage }, signal)).toEqual({ created: 0, replaced: 0, bytes: 0, kept: 2 });
    expect(readFileSync(join(shm, 'd/b'), 'utf8')).toBe('text');
    expect(job.findings.list()).toContainEqual({
      subject: '/a',
      problem: expect.stringContaining(`is kept in ${shm}/a`),
    });
    mkdirSync(join(job.stage.directory, 'd'));
    for (const name of ['a', 'd/b']) write(join(job.stage.directory, name), 'text', 0o644);
    expect(await placed(job, signal)).toEqual({ created: 3, replaced: 0, bytes: 8, kept: 0 });
  } finally {
    rmSync(shm, { recursive: true });
  }
});

test.skipIf(uid !== 0)(
  'flags that the point does not have stay, or are named as lost (needs root)',
  async ({ signal, skip }) => {
    await using at = await temporaryDirectory();
    const to = join(at.path, 'to');
    mkdirSync(join(to, 'd'), { recursive: true });
    for (const name of ['d/mode', 'd/flags', 'd/other']) write(join(to, name), 'text', 0o600);
    writeFileSync(join(to, 'd/other'), 'another');
    const locked = ['d/mode', 'd/flags', 'd/other', 'd'].map((name) => join(to, name));
    if (spawnSync('chattr', ['+i', ...locked]).status !== 0) return skip('no chattr here');
    try {
      const entries = [
        entry('d', 'directory', { mode: 0o755 }),
        file('d/mode'),
        file('d/flags', { flags: 'id' }),
        file('d/new'),
        file('d/other'),
      ];
      const job = await placing(at.path, entries, signal);
      expect(job.comparison.changes.get('d/other')).toMatchObject({ action: 'replace', flags: 'i' });
      mkdirSync(join(job.stage.directory, 'd'));
      for (const name of ['d/new', 'd/other']) write(join(job.stage.directory, name), 'text', 0o644);
      expect(await placed(job, signal)).toEqual({ created: 1, replaced: 1, bytes: 8, kept: 0 });
      expect(await finishAttributes(job, async () => undefined, signal)).toBe(2);
      expect(readFlags(join(to, 'd/flags'))).toBe('id');
      expect(job.findings.list()).toEqual([]);
      expect(['d', 'd/mode', 'd/new', 'd/other'].map((name) => readFlags(join(to, name)))).toEqual(['i', 'i', '', '']);
      expect(lstatSync(join(to, 'd/mode')).mode & 0o777).toBe(0o644);
    } finally {
      spawnSync('chattr', ['-i', ...locked]);
    }
  },
);
