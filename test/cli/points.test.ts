/** Looking after points from end to end, as a person or a schedule does. */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  backedUp,
  copiesOf,
  objectsOf,
  pointsOf,
  root,
  type Sandbox,
  sandbox,
  script,
  signalAt,
} from '../helpers/cli.ts';
import { recordKey } from '../helpers/records.ts';

/** With full points, so that none needs another. */
const one = copiesOf(async () => await backedUp(await sandbox(), '--full'));
const two = copiesOf(async () => await backedUp(await one(), '--full'));
const three = copiesOf(async () => await backedUp(await two(), '--full'));

/** In the order in which they arrived. */
function idsOf(box: Sandbox): string[] {
  const arrived = (id: string) => statSync(join(box.repository, recordKey(id))).mtimeMs;
  return pointsOf(box).listed.sort((one, other) => arrived(one) - arrived(other));
}

describe.concurrent('forgetting', () => {
  test('by the rules at the end of each backup; --policy does the same, and a dry run says what and why', async () => {
    await using box = await three();
    const ids = idsOf(box);
    box.configure('retention: { last: 2, minimum: 1 }\n');
    const before = objectsOf(box);
    const plan = await box.ask('points', 'forget', '--policy', '--dry-run');
    expect(plan.json).toMatchObject({
      dryRun: true,
      forget: [{ id: ids[0], why: ['no rule keeps it'] }],
      keep: [{ id: ids[1], why: ['last'] }, { id: ids[2] }],
    });
    const table = (await box.run('points', 'forget', '--policy', '--dry-run')).stdout;
    expect(table).toMatch(new RegExp(`^forget +${ids[0]} .* no rule keeps it$`, 'm'));
    expect(table).toMatch(new RegExp(`^keep +${ids[1]} .* last$`, 'm'));
    expect(table).toContain('1 to be forgotten, 2 kept');
    expect(objectsOf(box)).toEqual(before);
    expect((await box.ask('points', 'forget', '--policy')).json).toMatchObject({ forgotten: [ids[0]] });
    expect(pointsOf(box)).toEqual({ listed: ids.slice(1), stored: ids.slice(1) });
    const made = await box.ask('backup', '--full');
    expect(made).toMatchObject({ code: 0, json: { forgotten: [ids[1]] } });
    expect(pointsOf(box)).toEqual({ listed: [ids[2], made.json.point], stored: [ids[2], made.json.point] });
    expect(objectsOf(box).filter((key) => key.includes(ids[0] ?? ''))).toEqual([]);
  });

  test('by name, with the digest of the dry run and nothing else', async () => {
    await using box = await two();
    const [first = '', second = ''] = idsOf(box);
    for (const yes of [[], ['--yes'], ['--yes=0123456789abcdef']]) {
      const refused = await box.ask('points', 'forget', first, ...yes);
      expect({ code: refused.code, error: refused.json.error?.code }).toEqual({ code: 5, error: 'refused' });
    }
    expect(pointsOf(box).listed).toEqual([first, second]);
    const { digest } = (await box.ask('points', 'forget', first, '--dry-run')).json;
    // Of another point it is no consent.
    expect((await box.ask('points', 'forget', second, `--yes=${String(digest)}`)).code).toBe(5);
    expect(await box.ask('points', 'forget', first, `--yes=${String(digest)}`)).toMatchObject({ code: 0 });
    expect(pointsOf(box)).toEqual({ listed: [second], stored: [second] });
    expect((await box.ask('points', 'forget', first, '--dry-run')).json.error?.code).toBe('not-found');
  });

  test('what cannot be meant: exit 2', async () => {
    await using box = await sandbox();
    for (const args of [[], ['--policy'], ['latest'], ['x', '--policy']])
      expect((await box.ask('points', 'forget', ...args)).code).toBe(2);
  });

  test('a pinned point is kept until it is unpinned', async () => {
    await using box = await two();
    const [first = '', second = ''] = idsOf(box);
    box.configure('retention: { last: 1, minimum: 1 }\n');
    expect((await box.ask('points', 'pin', first, '--reason', 'before the upgrade')).code).toBe(0);
    expect((await box.run('points', 'list')).stdout).toContain('pinned: before the upgrade');
    expect((await box.ask('points', 'forget', '--policy')).json).toMatchObject({ forgotten: [] });
    expect((await box.ask('points', 'forget', first)).code).toBe(5);
    expect((await box.ask('points', 'unpin', first)).code).toBe(0);
    expect((await box.ask('points', 'forget', '--policy')).json).toMatchObject({ forgotten: [first] });
    expect(pointsOf(box).listed).toEqual([second]);
  });

  test('a base that is in use is refused, and kept by the rules', async () => {
    await using box = await sandbox();
    // What is younger than a minute is stored again by the next.
    const include = `{ include: [${join(root, 'docs/decisions')}] }`;
    writeFileSync(box.config, `repository: file://${box.repository}\nhost: box\nbackup: ${include}\n`);
    await box.ask('backup');
    await box.ask('backup');
    const [base = '', upon = ''] = pointsOf(box).listed;
    const list = (await box.ask('points', 'list')).json.points;
    expect(list).toMatchObject([{ id: base }, { id: upon, base, needs: [base] }]);
    expect((await box.ask('points', 'forget', base, '--dry-run')).json.error?.message).toContain(upon);
    box.configure('retention: { last: 1, minimum: 1 }\n');
    expect((await box.ask('points', 'forget', '--policy')).json).toMatchObject({ forgotten: [] });
    expect((await box.ask('points', 'verify', upon)).code).toBe(0);
  });
});

test('what fails after the record takes nothing from the point', async () => {
  await using box = await one();
  box.configure('retention: { last: 1, minimum: 1 }\n');
  const [first = ''] = idsOf(box);
  script(join(box.base, 'etc/hooks.d/backup/after.after.d/10-fail'), 'exit 7');
  const failed = await box.ask('backup', '--full');
  expect(failed).toMatchObject({ code: 1, json: { error: { code: 'hook-failed' } } });
  // The older point was forgotten on account of the new one: that must stay.
  const { listed, stored } = pointsOf(box);
  expect(listed).toHaveLength(1);
  expect({ listed, stored }).toEqual({ listed: stored, stored });
  expect(listed).not.toContain(first);
  expect((await box.ask('points', 'verify', 'latest')).code).toBe(0);
});

test('a backup that is killed when it has forgotten older points keeps its own, resumed or undone', async () => {
  for (const way of [[], ['--undo']]) {
    await using box = await one();
    box.configure('retention: { last: 1, minimum: 1 }\n');
    const [first] = idsOf(box);
    const at = signalAt(box, '"step-finished","step":"after.retention"', 1, 'SIGKILL');
    expect((await box.start(['--json', 'backup', '--full'], at).ended).code).toBeNull();
    const [id = ''] = readdirSync(join(box.state, 'runs')).sort().slice(-1);
    expect((await box.ask('runs', 'resume', id, ...way)).code).toBe(0);
    const { listed, stored } = pointsOf(box);
    expect({ count: listed.length, listed }).toEqual({ count: 1, listed: stored });
    expect(listed).not.toContain(first);
    expect((await box.ask('points', 'verify', 'latest')).code).toBe(0);
  }
});

test('a record that retention cannot use: the new point stays, and the run says what is wrong, exit 4', async () => {
  await using box = await one();
  const [first = ''] = idsOf(box);
  box.configure('retention: { last: 1, minimum: 1 }\n');
  writeFileSync(join(box.repository, `lifeboat/box/points/${first}.zst`), 'x');
  const made = await box.ask('backup', '--full');
  expect(made.code).toBe(4);
  expect(made.json.run?.findings).toMatchObject([{ subject: `lifeboat/box/points/${first}.zst` }]);
  expect(pointsOf(box).stored).toHaveLength(2);
});

test('nightly: as many of the others as configured are read back, and damage is named', async () => {
  await using box = await two();
  const [first = '', second = ''] = idsOf(box);
  box.configure('verify: { after: none, oldest: 1 }\n');
  const path = join(box.repository, `tar/box/${first}.tar.zst`);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const made = await box.ask('backup', '--full');
  expect(made.code).toBe(4);
  expect(made.json.run?.findings).toMatchObject([{ subject: `point ${first}` }]);
  const { points } = (await box.ask('points', 'list')).json;
  expect(points?.map(({ id, trust }) => [id, trust])).toEqual([
    [first, 'damaged'],
    [second, 'read-back'],
    [made.json.point, 'stored'],
  ]);
});

test('verify: many, those first that were never verified; what is due; and what cannot be meant', async () => {
  await using box = await sandbox();
  box.configure('verify: { after: none }\n');
  for (const _ of [1, 2]) await backedUp(box, '--full');
  const [first = '', second = ''] = idsOf(box);
  const verified = async (...args: string[]) => {
    const { code, json } = await box.ask('points', 'verify', ...args);
    expect(code).toBe(0);
    return json['verifications'];
  };
  expect(await verified('--oldest', '1')).toMatchObject([{ point: first, scope: 'chain', depth: 'content' }]);
  expect(await verified('--oldest', '1')).toMatchObject([{ point: second }]);
  expect(await verified()).toMatchObject([{ point: first }, { point: second }]);
  expect(await verified('--older-than', '1d')).toEqual([]);
  for (const args of [
    [first, '--all'],
    ['--oldest', '0'],
    ['--older-than', 'soon'],
  ])
    expect((await box.ask('points', 'verify', ...args)).code).toBe(2);
});

test('ls and diff', async () => {
  await using box = await sandbox();
  const hosts = join(box.source, 'etc/hosts');
  await box.ask('backup');
  writeFileSync(hosts, 'changed\n');
  writeFileSync(join(box.source, 'etc/new'), 'new');
  rmSync(join(box.source, 'etc/ssh/config'));
  await box.ask('backup');
  const [before = '', after = ''] = pointsOf(box).listed;
  const ls = await box.run('points', 'ls', before, join(box.source, 'etc'));
  expect(ls.stdout).toBe(`${hosts}\n${join(box.source, 'etc/ssh')}/\n`);
  const long = await box.run('points', 'ls', before, box.source, '--recursive', '--long');
  expect(long.stdout).toMatch(new RegExp(`^-0600 .* 7 B .*${join(box.source, 'etc/ssh/config')}$`, 'm'));
  expect((await box.ask('points', 'ls', before, '/nothing')).json.error?.code).toBe('not-found');
  const diff = await box.ask('points', 'diff', before, after, join(box.source, 'etc'));
  expect(diff.code).toBe(3);
  expect(diff.json['files']).toMatchObject([
    { path: join(box.source, 'etc'), change: 'changed' },
    { path: hosts, change: 'changed', what: expect.arrayContaining([expect.stringContaining('SHA-256')]) },
    { path: join(box.source, 'etc/new'), change: 'added' },
    { path: join(box.source, 'etc/ssh'), change: 'changed' },
    { path: join(box.source, 'etc/ssh/config'), change: 'removed' },
  ]);
  expect((await box.run('points', 'diff', before, after)).stdout).toContain(`\n+ ${join(box.source, 'etc/new')}\n`);
  expect(await box.ask('points', 'diff', after, after)).toMatchObject({ code: 0, json: { files: [], changes: [] } });
});

test('lost records: prune keeps the data and says so, repair brings them back with consent', async () => {
  await using box = await two();
  const ids = idsOf(box);
  for (const id of ids) rmSync(join(box.repository, `lifeboat/box/points/${id}.zst`));
  rmSync(join(box.repository, 'lifeboat/box/captures'), { recursive: true });
  rmSync(box.state, { recursive: true });
  box.configure('retention: { last: 2 }\n');
  const listed = await box.ask('points', 'list');
  expect(listed).toMatchObject({ code: 4, json: { findings: [{ hint: expect.stringContaining('repair') }] } });
  const restored = await box.ask('restore', 'latest', '--to', join(box.base, 'to'));
  expect(restored).toMatchObject({ code: 1, json: { error: { hint: expect.stringContaining('repair') } } });
  const pruned = await box.ask('points', 'prune', '--grace', '1ms');
  expect(pruned.code).toBe(4);
  expect(pruned.json.run?.findings).toMatchObject(ids.map((id) => ({ subject: `point ${id}` })));
  expect((await box.ask('points', 'repair')).code).toBe(5);
  const { digest, rebuild } = (await box.ask('points', 'repair', '--dry-run')).json;
  expect(rebuild).toMatchObject(ids.map((id) => ({ id, what: 'record' })));
  expect((await box.ask('points', 'repair', `--yes=${String(digest)}`)).code).toBe(0);
  const { points } = (await box.ask('points', 'list')).json;
  expect(points?.map(({ id, trust }) => [id, trust])).toEqual(ids.map((id) => [id, 'read-back']));
  expect((await box.ask('restore', ids[0] ?? '', '--to', join(box.base, 'to'))).code).toBe(0);
});

test('after lost records and one more backup, prune by the rules takes nothing that was a point; exit 4', async () => {
  await using box = await two();
  const ids = idsOf(box);
  box.configure('retention: { last: 9 }\n');
  for (const id of ids)
    for (const kind of ['points', 'captures']) rmSync(join(box.repository, `lifeboat/box/${kind}/${id}.zst`));
  await box.ask('backup', '--full');
  await delay(20);
  const prune = async () => await box.ask('points', 'prune', '--grace', '1ms');
  const subjects = ids.map((id) => ({ subject: `point ${id}` }));
  expect(await prune()).toMatchObject({ code: 4, json: { pruned: [], run: { findings: subjects } } });
  // Nor where this host's own copies are gone.
  rmSync(join(box.state, 'records'), { recursive: true });
  expect(await prune()).toMatchObject({ code: 4, json: { pruned: [], run: { findings: subjects } } });
  const { digest } = (await box.ask('points', 'prune', '--grace', '1ms', '--dry-run')).json;
  const agreed = await box.ask('points', 'prune', '--grace', '1ms', `--yes=${String(digest)}`);
  expect(agreed).toMatchObject({ code: 0, json: { pruned: ids } });
});

test('a record that somebody removed is missed by list, status and backup; an old one that arrives anew is not the latest', async () => {
  await using box = await two();
  const ids = idsOf(box);
  const [first = '', second = ''] = ids;
  const key = (id: string) => join(box.repository, `lifeboat/box/points/${id}.zst`);
  const record = readFileSync(key(second));
  rmSync(key(second));
  const finding = { subject: 'points', problem: expect.stringContaining(second) };
  expect(await box.ask('points', 'list')).toMatchObject({ code: 4, json: { findings: [finding] } });
  expect((await box.run('points', 'list')).stdout).toContain('not on record any more');
  expect((await box.ask('status')).json['findings']).toContainEqual(expect.objectContaining(finding));
  expect(await box.ask('backup', '--full')).toMatchObject({ code: 4, json: { run: { findings: [finding] } } });
  writeFileSync(key(second), record);
  expect((await box.ask('points', 'list')).json['findings']).toMatchObject([{ subject: 'latest' }]);
  writeFileSync(key(first), readFileSync(key(first)));
  expect(await box.ask('points', 'show', 'latest')).toMatchObject({ code: 2, json: { error: { code: 'usage' } } });
  const { findings, newest } = (await box.ask('status')).json;
  expect(findings).toContainEqual(expect.objectContaining({ subject: 'latest' }));
  const made = (await box.ask('points', 'show', first)).json['createdAt'];
  const age = (Date.now() - Date.parse(String(made))) / 1000;
  expect(newest).toMatchObject({ id: first, ageSeconds: expect.closeTo(age, -1.5) });
});

test('prune removes what a killed run left, with consent or by retention in the configuration, once it is old', async () => {
  await using box = await one();
  const [id = ''] = idsOf(box);
  const left = join(box.repository, 'tar/box/20200101T000000Z-abcdef.tar.zst');
  writeFileSync(left, 'half');
  expect((await box.ask('points', 'prune')).json).toMatchObject({ pruned: [], kept: [{ why: 'is too young' }] });
  await delay(20);
  expect((await box.ask('points', 'prune', '--grace', '1ms')).code).toBe(5);
  box.configure('retention: { last: 2 }\n');
  expect((await box.ask('points', 'prune', '--grace', '1ms', '--dry-run')).json).toMatchObject({
    remove: [{ bytes: 4 }],
  });
  expect(readdirSync(join(box.repository, 'tar/box'))).toHaveLength(3);
  expect((await box.ask('points', 'prune', '--grace', '1ms')).code).toBe(0);
  expect(pointsOf(box)).toEqual({ listed: [id], stored: [id] });
});

test('a marker that somebody changed: no place outside of the state directory is touched, and no other repository taken', async () => {
  await using box = await one();
  const marker = join(box.repository, 'lifeboat/repository.json');
  const text = readFileSync(marker, 'utf8');
  mkdirSync(join(box.base, 'victim/box'), { recursive: true });
  writeFileSync(join(box.base, 'victim/box/file'), 'mine');
  writeFileSync(marker, text.replace(/"id":"[0-9a-f]+"/, '"id":"../../victim"'));
  expect(await box.ask('backup')).toMatchObject({ code: 1, json: { error: { code: 'record-damaged' } } });
  expect(readdirSync(join(box.base, 'victim/box'))).toEqual(['file']);
  writeFileSync(marker, text.replace(/"id":"[0-9a-f]+"/, `"id":"${'0'.repeat(32)}"`));
  expect(await box.ask('backup')).toMatchObject({ code: 1, json: { error: { code: 'untrusted' } } });
  expect(await box.ask('points', 'list')).toMatchObject({ code: 4, json: { findings: [{ subject: 'repository' }] } });
  writeFileSync(marker, text);
  expect((await box.ask('backup')).code).toBe(0);
});
