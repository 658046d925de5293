/** The main job from end to end: back up, look, verify, restore; dry runs and `--json`. */
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { backedUp, contents, copiesOf, isRoot, listing, pointsOf, sandbox } from '../helpers/cli.ts';

const stored = copiesOf(async () => await backedUp(await sandbox()));

test('backup, list, show, verify, restore: of everything and of selected paths', async () => {
  await using box = await sandbox();
  expect(await box.run('points', 'list')).toMatchObject({ code: 0, stdout: 'No points yet.\n' });
  const made = await box.run('backup');
  expect(made.code).toBe(0);
  const [id = ''] = pointsOf(box).listed;
  expect(made.stdout).toContain(`Recovery point ${id} is in file://${box.repository}`);
  const list = await box.run('points', 'list');
  expect(list.stdout).toMatch(new RegExp(`^point .*\n${id} .* read back, right .*\n$`));
  const show = await box.run('points', 'show', 'latest');
  expect(show).toMatchObject({ code: 0, stderr: '' });
  for (const part of [`Recovery point ${id} of box`, 'Layout', 'Coverage', box.source])
    expect(show.stdout).toContain(part);
  expect(await box.run('points', 'verify', id)).toMatchObject({ code: 0, stdout: expect.stringContaining('is right') });

  const all = join(box.base, 'all');
  expect(await box.run('restore', id.slice(0, 12), '--to', all)).toMatchObject({ code: 0 });
  expect(contents(join(all, box.source))).toEqual(contents(box.source));
  expect(lstatSync(join(all, box.source, 'etc/ssh/config')).mode & 0o777).toBe(0o600);

  const one = join(box.base, 'one');
  const wanted = join(box.source, 'etc/ssh');
  expect(await box.ask('restore', 'latest', wanted, '--to', one)).toMatchObject({ code: 0, json: { point: id } });
  expect(readdirSync(join(one, box.source, 'etc'))).toEqual(['ssh']);

  const none = await box.ask('restore', 'latest', join(box.source, 'nothing'), wanted, '--to', join(box.base, 'none'));
  expect(none.code).toBe(4);
  expect(none.json.run?.findings).toMatchObject([{ subject: join(box.source, 'nothing') }]);
});

test('a repository and a state directory below what is backed up are not part of it', async () => {
  await using box = await sandbox();
  box.configure('', `FILE://${box.repository}`);
  const linked = join(box.base, 'linked');
  mkdirSync(join(box.source, 'var/state'), { recursive: true });
  symlinkSync(join(box.source, 'var/state'), linked);
  const made = await box.start(['--json', '--quiet', '--state-dir', linked, 'backup']).ended;
  expect(made).toMatchObject({ code: 0 });
  const to = join(box.base, 'to');
  await box.run('restore', 'latest', '--to', to);
  expect(readdirSync(join(to, box.source, 'var'))).toEqual([]);
});

test('the state directory of the first run is not part of the backup either', async () => {
  await using box = await sandbox();
  const state = join(box.source, 'var/lifeboat');
  expect(await box.start(['--json', '--quiet', '--state-dir', state, 'backup']).ended).toMatchObject({ code: 0 });
  const to = join(box.base, 'to');
  await box.run('restore', 'latest', '--to', to);
  expect(readdirSync(join(to, box.source)).sort()).toEqual(['etc', 'var']);
  expect(readdirSync(join(to, box.source, 'var'))).toEqual([]);
});

describe.concurrent('where to restore to', () => {
  test.skipIf(!isRoot)('a directory that another user can change is refused (needs root)', async () => {
    await using box = await stored();
    const theirs = join(box.base, 'theirs');
    mkdirSync(theirs);
    chownSync(theirs, 65534, 65534);
    const { code, json } = await box.ask('restore', 'latest', '--to', theirs);
    expect({ code, error: json.error }).toMatchObject({ code: 5, error: { code: 'refused' } });
    expect(json.error?.message).toContain('belongs to user 65534');
    expect(readdirSync(theirs)).toEqual([]);
    // Nor one in it, whose name could be taken by a link.
    expect((await box.ask('restore', 'latest', '--to', join(theirs, 'new'))).code).toBe(5);
  });

  test('a fresh filesystem, with nothing but lost+found in it', async () => {
    await using box = await stored();
    const to = join(box.base, 'fresh');
    mkdirSync(join(to, 'lost+found'), { recursive: true });
    expect(await box.run('restore', 'latest', '--to', to)).toMatchObject({ code: 0 });
    expect(contents(join(to, box.source))).toEqual(contents(box.source));
  });

  test('a file: exit 5', async () => {
    await using box = await stored();
    expect((await box.ask('restore', 'latest', '--to', join(box.source, 'etc/hosts'))).code).toBe(5);
  });

  test('a symlink to nowhere: no directory is made behind it', async () => {
    await using box = await stored();
    const link = join(box.base, 'link');
    symlinkSync(join(box.base, 'nowhere'), link);
    const { code, json } = await box.ask('restore', 'latest', '--to', link);
    expect({ code, error: json.error }).toMatchObject({ code: 5, error: { code: 'refused' } });
    expect(existsSync(join(box.base, 'nowhere'))).toBe(false);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  test('below a directory that is not there: exit 1, nothing is made', async () => {
    await using box = await stored();
    const { code, json } = await box.ask('restore', 'latest', '--to', join(box.base, 'typo/x'));
    expect({ code, error: json.error }).toMatchObject({ code: 1, error: { code: 'not-found' } });
    expect(existsSync(join(box.base, 'typo'))).toBe(false);
  });

  test('paths out of the point: exit 2', async () => {
    await using box = await sandbox();
    for (const path of ['../etc', '/etc/../etc', 'etc', '/../x']) {
      const { code, stderr } = await box.run('restore', 'latest', path, '--to', join(box.base, 'to'));
      expect({ path, code, stderr }).toEqual({
        path,
        code: 2,
        stderr: expect.stringContaining('not an absolute path'),
      });
    }
    expect(existsSync(box.state)).toBe(false);
  });
});

test('--dry-run of every command touches nothing at all', async () => {
  await using box = await sandbox();
  await box.start(['--state-dir', join(box.base, 'other'), '--quiet', 'backup']).ended;
  const before = listing(box.base);
  const commands = [
    ['backup'],
    ['restore', 'latest', '--to', join(box.base, 'to')],
    ['points', 'verify', 'latest'],
    ['workflow', 'run', 'backup'],
    ['init', '--force', '--include', '/etc', '--repository', box.repository],
  ];
  for (const command of commands) {
    const { code, stdout } = await box.run('--dry-run', ...command);
    expect({ command, code, stdout }).toEqual({ command, code: 0, stdout: expect.stringContaining('(--dry-run)') });
    expect((await box.ask('--dry-run', ...command)).json).toBeTypeOf('object');
  }
  expect(listing(box.base)).toEqual(before);
});

describe.concurrent('--json', () => {
  test('one document on stdout, progress as lines of JSON on stderr', async () => {
    await using box = await sandbox();
    const { code, json, stderr } = await box.run('--json', 'backup');
    expect(code).toBe(0);
    expect(json).toMatchObject({ point: pointsOf(box).listed[0], run: { status: 'done', findings: [] } });
    const events: { at: string; type: string }[] = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(['step-started', 'step-said']));
    expect(events[0]).toMatchObject({ type: 'run-started', workflow: 'backup', run: json.run?.id });
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'done' });
    for (const { at } of events) expect(new Date(at).toISOString()).toBe(at);
  });

  test('a document for every command, also where it fails', async () => {
    await using box = await stored();
    const good = [
      ['points', 'list'],
      ['points', 'show', 'latest'],
      ['points', 'verify', 'latest'],
      ['runs', 'list'],
      ['workflow', 'list'],
      ['workflow', 'show', 'backup'],
      ['layout', 'show'],
      ['network', 'show'],
      ['facts', 'show'],
    ];
    for (const args of good) {
      const { code, json, stderr } = await box.ask(...args);
      expect({ args, code, stderr, type: typeof json }).toEqual({ args, code: 0, stderr: '', type: 'object' });
    }
    const bad = [
      [1, 'points', 'show', 'nothing'],
      [1, 'points', 'verify', 'nothing'],
      [2, 'workflow', 'show', 'nothing'],
      [1, 'runs', 'show', '20260101T000000Z-000000'],
      [1, 'runs', 'resume', '20260101T000000Z-000000'],
      [2, '--dry-run', 'runs', 'resume', '20260101T000000Z-000000'],
    ] as const;
    for (const [status, ...args] of bad) {
      const { code, json, stderr } = await box.ask(...args);
      expect({ args, code, stderr }).toEqual({ args, code: status, stderr: '' });
      expect(json).toMatchObject({ error: { message: expect.any(String) }, exitStatus: status });
    }
  });
});

test('layout, network, facts: formats in the document, text for people', async () => {
  await using box = await sandbox({ bare: true });
  for (const name of ['layout', 'network', 'facts']) {
    expect((await box.ask(name, 'show')).json).toMatchObject({ format: `lifeboat.${name}/1` });
    const text = await box.run(name, 'show');
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout.length).toBeGreaterThan(20);
  }
  expect(existsSync(box.state)).toBe(false);
});

test('a word of a host name that is no path cannot lead the records astray', async () => {
  await using box = await sandbox();
  box.configure('');
  writeFileSync(box.config, `repository: ${box.repository}\nhost: ../x\nbackup: { include: [/etc] }\n`);
  expect((await box.run('backup')).code).toBe(2);
});
