/** Bad days from end to end: what cannot be read, what changes, what is full, what is damaged. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  backedUp,
  copiesOf,
  isRoot,
  lifeboat,
  makeRepository,
  objectsOf,
  pointsOf,
  type Sandbox,
} from '../helpers/cli.ts';
import { sandbox, script } from '../helpers/cli.ts';
import { editRecord, recordKey } from '../helpers/records.ts';

const NOBODY = 65_534;
const nobodyCanRun =
  isRoot && spawnSync(process.execPath, [lifeboat, '--version'], { uid: NOBODY, gid: NOBODY, cwd: '/' }).status === 0;
const user = isRoot ? { uid: NOBODY } : {};

describe.skipIf(isRoot && !nobodyCanRun)('as a user who is not root (who must be able to start Node)', () => {
  test('files that cannot be read are named, exit 4; the rest is in the point', async () => {
    await using box = await sandbox();
    const secret = join(box.source, 'etc/secret');
    const closed = join(box.source, 'etc/closed');
    writeFileSync(secret, 'x', { mode: 0 });
    mkdirSync(closed, { mode: 0 });
    if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, box.base]);
    const { code, json } = await box.start(['--json', '--quiet', 'backup'], user).ended;
    expect(code).toBe(4);
    expect(json.run?.status).toBe('incomplete');
    expect(json.run?.findings.map(({ subject }) => subject).sort()).toEqual([closed, secret]);
    for (const { problem } of json.run?.findings ?? []) expect(problem).toContain('Permission denied');
    const text = await box.start(['--quiet', 'points', 'show', 'latest'], user).ended;
    expect(text.stdout).toContain(`! ${secret}: Cannot open: Permission denied`);
    chmodSync(closed, 0o700);
  });

  test('a state directory that cannot be written: exit 1, and what to do', async () => {
    await using box = await sandbox();
    if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, box.base]);
    mkdirSync(box.state, { mode: 0o555 });
    const { code, stderr } = await box.start(['backup'], user).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/create the state directory .*\n.*Run as root, or as a user that may read and write there/);
    expect(objectsOf(box)).toEqual(['lifeboat/repository.json']);
  });
});

test('a state directory below a file: exit 1, nothing is stored', async () => {
  await using box = await sandbox();
  writeFileSync(box.state, '');
  const { code, json } = await box.ask('--state-dir', join(box.state, 'x'), 'backup');
  expect(code).toBe(1);
  expect(json.error?.message).toContain('create the state directory');
  expect(objectsOf(box)).toEqual(['lifeboat/repository.json']);
});

/** A `tar` that stops in the middle of its work until the test has done something; to be put before the real one. */
function pausingTar(box: Sandbox): { readonly env: { readonly PATH: string }; readonly paused: () => Promise<void> } & {
  readonly go: () => void;
} {
  const at = (name: string) => join(box.base, 'bin', name);
  script(
    at('tar'),
    `PATH=${process.env['PATH']}
    [ "$1" = --create ] || exec tar "$@"
    { tar "$@"; echo $? > ${at('status')}; } | {
      head -c 1048576; touch ${at('paused')}
      n=0; while [ ! -e ${at('go')} ] && [ $n -lt 2000 ]; do sleep 0.02; n=$((n + 1)); done
      cat
    }
    exit "$(cat ${at('status')})"`,
  );
  return {
    env: { PATH: `${join(box.base, 'bin')}:${process.env['PATH']}` },
    paused: async () => {
      while (!existsSync(at('paused'))) await delay(10);
    },
    go: () => writeFileSync(at('go'), ''),
  };
}

describe.concurrent('a file that changes while it is read is named, exit 4, and the point can be restored', () => {
  test.for([
    ['shrinks', (file: string) => truncateSync(file, 20 << 20), 'big', /shrank by \d+ bytes/],
    ['grows', (file: string) => appendFileSync(file, 'more'), 'big', /changed as we read it/],
  ] as const)('one that %s', async ([, change, name, problem]) => {
    await using box = await sandbox();
    const file = join(box.source, 'big');
    writeFileSync(file, Buffer.alloc(32 << 20, 'x'));
    writeFileSync(join(box.source, 'zzz'), 'x');
    const tar = pausingTar(box);
    const running = box.start(['--json', '--quiet', 'backup'], { env: tar.env });
    await Promise.race([tar.paused(), running.ended]);
    change(file);
    tar.go();
    const { code, json } = await running.ended;
    expect(code).toBe(4);
    expect(json.run?.findings).toContainEqual({
      step: 'store.data',
      subject: join(box.source, name),
      problem: expect.stringMatching(problem),
    });
    expect((await box.ask('points', 'verify', 'latest')).code).toBe(0);
    expect((await box.ask('restore', 'latest', '--to', join(box.base, 'to'))).code).toBe(0);
  });
});

test('one that vanishes before its turn is no failure, and is told', async () => {
  await using box = await sandbox();
  writeFileSync(join(box.source, 'big'), Buffer.alloc(32 << 20, 'x'));
  writeFileSync(join(box.source, 'zzz'), 'x');
  const tar = pausingTar(box);
  const running = box.start(['--json', '--quiet', 'backup'], { env: tar.env });
  await Promise.race([tar.paused(), running.ended]);
  rmSync(join(box.source, 'zzz'));
  tar.go();
  const { code, json } = await running.ended;
  expect(code).toBe(0);
  expect(JSON.stringify(json)).toContain(
    `1 files vanished before they were read, and are under no new name in the point: ${join(box.source, 'zzz')}`,
  );
});

/** A filesystem of this size on a directory, until the end of the scope. */
function mounted(path: string, size: string): Disposable & { readonly grow: (size: string) => void } {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]);
  return {
    grow: (size) => execFileSync('mount', ['-o', `remount,size=${size}`, path]),
    [Symbol.dispose]: () => execFileSync('umount', ['-l', path]),
  };
}

describe.skipIf(!isRoot)('no space (mounting a small filesystem needs root)', () => {
  test('in the repository: exit 1, nothing half is listed, older points stay, and it goes on when there is some', async () => {
    await using box = await sandbox();
    rmSync(box.repository, { recursive: true });
    using disk = mounted(box.repository, '2m');
    await makeRepository(box.repository);
    expect((await box.ask('backup')).code).toBe(0);
    const before = objectsOf(box);
    writeFileSync(join(box.source, 'big'), randomBytes(4 << 20));
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'no-space' } });
    expect(json.error?.hint).toContain('Free some space');
    expect(objectsOf(box)).toEqual(before);
    expect(readdirSync(join(box.repository, '.tmp'))).toEqual([]);
    expect((await box.ask('points', 'verify', 'latest')).code).toBe(0);
    disk.grow('16m');
    expect((await box.ask('runs', 'resume', json.run?.id ?? '')).code).toBe(0);
    expect(pointsOf(box).listed).toHaveLength(2);
    expect((await box.ask('backup')).code).toBe(0);
  });

  test('in the state directory, wherever it ends: exit 1 and why; then everything is cleaned up', async () => {
    await using box = await sandbox();
    let resumed = 0;
    for (const free of [0, 4, 8]) {
      using disk = mounted(box.state, '64k');
      writeFileSync(join(box.state, 'filler'), Buffer.alloc((64 - free) * 1024));
      const { code, json, stderr } = await box.ask('--log-level', 'trace', 'backup');
      expect({ free, code, stderr, error: json.error }).toMatchObject({
        code: 1,
        stderr: '',
        error: { code: 'no-space' },
      });
      const [id = ''] = readdirSync(join(box.state, 'runs'));
      disk.grow('4m');
      const after = await box.ask('runs', 'resume', id);
      if (after.code === 0) {
        resumed += 1;
        expect(json.error?.hint).toContain(`lifeboat runs resume ${id}`);
      } else {
        expect(after.json.error?.message).toMatch(/no journal|does not begin|has ended/);
      }
      const { listed, stored } = pointsOf(box);
      expect(listed).toEqual(stored);
    }
    expect(resumed).toBeGreaterThan(0);
    expect((await box.ask('backup')).code).toBe(0);
    expect(objectsOf(box).filter((key) => key.includes('lock'))).toEqual([]);
  });
});

describe.concurrent('a repository that is not there: exit 1, and nothing is made in its place', () => {
  test('because its disk is not mounted', async () => {
    await using box = await sandbox();
    rmSync(box.repository, { recursive: true });
    mkdirSync(box.repository);
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'no-repository' } });
    expect(json.error?.hint).toMatch(/mounted.*lifeboat init/s);
    expect(readdirSync(box.repository)).toEqual([]);
  });

  test('because its directory is gone', async () => {
    await using box = await sandbox();
    rmSync(box.repository, { recursive: true });
    for (const args of [['backup'], ['points', 'list'], ['restore', 'latest', '--to', join(box.base, 'to')]]) {
      expect((await box.ask(...args)).json).toMatchObject({ error: { code: 'not-found' }, exitStatus: 1 });
    }
    expect(existsSync(box.repository)).toBe(false);
  });
});

describe.concurrent('damage in the repository', () => {
  const stored = copiesOf(async () => {
    const box = await sandbox();
    writeFileSync(join(box.source, 'data'), randomBytes(300_000));
    return await backedUp(box);
  });
  const archiveOf = (box: Sandbox) => {
    const key = objectsOf(box).find((one) => one.endsWith('.tar.zst')) ?? '';
    return { key, path: join(box.repository, key) };
  };
  const flip = (path: string) => {
    const bytes = readFileSync(path);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };

  test.for([
    ['one bit of the archive', (box: Sandbox) => flip(archiveOf(box).path), '\\.tar\\.zst'],
    [
      'a truncated archive',
      (box: Sandbox) => truncateSync(archiveOf(box).path, statSync(archiveOf(box).path).size >> 1),
      '\\.tar\\.zst',
    ],
    ['an archive that is gone', (box: Sandbox) => rmSync(archiveOf(box).path), '\\.tar\\.zst'],
    [
      'one bit of the manifest',
      (box: Sandbox) => flip(archiveOf(box).path.replace('.tar.', '.manifest.')),
      '\\.manifest\\.zst',
    ],
  ] as const)(
    '%s: verify names it and puts it on record, restore fails, and undone leaves nothing',
    async ([, spoil, name]) => {
      await using box = await stored();
      const [id = ''] = pointsOf(box).listed;
      spoil(box);
      const verify = await box.ask('points', 'verify', 'latest');
      expect(verify).toMatchObject({ code: 1, json: { error: { code: 'archive-damaged' } } });
      expect(verify.json.error?.message).toMatch(
        new RegExp(`^point ${id}: (${box.source}/data|tar/box/${id}${name}): `),
      );
      expect((await box.ask('points', 'list')).json.points).toMatchObject([{ id, trust: 'damaged' }]);
      expect((await box.run('points', 'list')).stdout).toContain('DAMAGED');
      const to = join(box.base, 'to');
      const restore = await box.ask('restore', 'latest', '--to', to);
      expect(restore.code).toBe(1);
      expect(restore.json.error?.code).toMatch(/^(archive-damaged|not-found)$/);
      // What was made is kept for who goes on, out of sight, until nobody will.
      if (existsSync(to)) expect(readdirSync(to)).toEqual([expect.stringMatching(/^\.lifeboat-restore-/)]);
      expect((await box.ask('runs', 'resume', restore.json.run?.id ?? '', '--undo')).code).toBe(0);
      expect(existsSync(to)).toBe(false);
    },
  );

  test('a record that cannot be read is named, exit 4, and keeps no other from the list', async () => {
    await using box = await stored();
    const [first = ''] = pointsOf(box).listed;
    await box.ask('backup', '--full');
    const second = pointsOf(box).listed.find((id) => id !== first) ?? '';
    writeFileSync(join(box.repository, recordKey(first)), '{ "format": "lifeboat.point/1"');
    const list = await box.ask('points', 'list');
    expect(list.code).toBe(4);
    expect(list.json).toMatchObject({
      points: [{ id: second, trust: 'read-back' }],
      damaged: [{ key: recordKey(first), error: { code: 'record-damaged' } }],
    });
    expect((await box.ask('points', 'show', first)).json).toMatchObject({
      error: { code: 'record-damaged' },
      exitStatus: 1,
    });
    expect((await box.ask('points', 'verify', 'latest')).code).toBe(0);
  });

  test('a record of a newer lifeboat says so', async () => {
    await using box = await stored();
    const [id = ''] = pointsOf(box).listed;
    editRecord(box, id, (json) => json.replace('lifeboat.point/2', 'lifeboat.point/3'));
    expect((await box.ask('points', 'show', id)).json.error).toMatchObject({ code: 'newer-format' });
  });
});
