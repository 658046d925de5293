/** Two at once, locks that were left, signals in the middle, and going on afterwards. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { contents, objectsOf, pointsOf, type Sandbox, sandbox, script, signalAt } from '../helpers/cli.ts';

/** A drop-in that waits in the middle of every backup until `go` is called. */
function waiting(box: Sandbox): { readonly go: () => void } {
  const go = join(box.base, 'go');
  const loop = `n=0; while [ ! -e ${go} ] && [ $n -lt 2000 ]; do sleep 0.02; n=$((n + 1)); done`;
  script(join(box.base, 'etc/hooks.d/backup/store.before.d/10-wait'), loop);
  return { go: () => writeFileSync(go, '') };
}

const waits = '"step-started","step":"store.before/10-wait"';

describe.concurrent('the lock', () => {
  test('two backups at once: the second ends with 6 and names the run and the process of the first', async () => {
    await using box = await sandbox();
    const { go } = waiting(box);
    const first = box.start(['--json', 'backup']);
    await first.saw(waits);
    const second = await box.ask('backup');
    expect(second).toMatchObject({ code: 6, json: { error: { code: 'locked' }, exitStatus: 6 } });
    const [id = ''] = readdirSync(join(box.state, 'runs')).filter((run) => run !== second.json.run?.id);
    expect(second.json.error?.message).toContain(`run ${id}`);
    expect(second.json.error?.message).toContain(`process ${first.child.pid}`);
    expect((await box.ask('runs', 'show', id)).json).toMatchObject({ status: 'running' });
    expect((await box.ask('runs', 'resume', id)).code).toBe(6);
    // Reading needs no lock.
    expect((await box.ask('points', 'list')).code).toBe(0);
    go();
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(pointsOf(box).listed).toHaveLength(1);
    expect((await box.ask('runs', 'resume', second.json.run?.id ?? '')).code).toBe(0);
    expect(pointsOf(box).listed).toHaveLength(2);
  });

  test('one left by a process that was killed is taken over', async () => {
    await using box = await sandbox();
    const { go } = waiting(box);
    const first = box.start(['--json', 'backup']);
    await first.saw(waits);
    first.child.kill('SIGKILL');
    expect((await first.ended).code).toBeNull();
    expect(objectsOf(box)).toContain('lifeboat/box/lock');
    go();
    expect((await box.ask('backup')).code).toBe(0);
    expect((await box.ask('runs', 'list')).json).toMatchObject([{ status: 'done' }, { status: 'killed' }]);
    expect(objectsOf(box).filter((key) => key.includes('lock'))).toEqual([]);
  });

  const lockOf = (box: Sandbox) => join(box.repository, 'lifeboat/box/lock');

  /** The lock that a backup of this machine holds, without its end. */
  async function leftLock(box: Sandbox): Promise<Record<string, unknown>> {
    const { go } = waiting(box);
    const first = box.start(['--json', 'backup']);
    await first.saw(waits);
    const lock: Record<string, unknown> = JSON.parse(readFileSync(lockOf(box), 'utf8'));
    go();
    await first.ended;
    return lock;
  }

  const foreign: readonly [string, Readonly<Record<string, string | undefined>>][] = [
    ['of another machine', { machineId: 'other', bootId: 'other' }],
    ['of a machine without an id', { machineId: undefined, bootId: 'other' }],
    ['of another container, whose processes cannot be seen', { pidNamespace: 'pid:[1]' }],
  ];
  test.for(foreign)('one %s is respected: exit 6, and it stays', async ([, others]) => {
    await using box = await sandbox();
    const text = JSON.stringify({ ...(await leftLock(box)), host: 'elsewhere', ...others });
    writeFileSync(lockOf(box), text);
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 6, error: { code: 'locked' } });
    expect(json.error?.message).toMatch(/is locked by run \S+ on elsewhere \(process \d+, since /);
    expect(readFileSync(lockOf(box), 'utf8')).toBe(text);
  });

  test('one that cannot be read is respected: exit 6, and what to do', async () => {
    await using box = await sandbox();
    mkdirSync(join(box.repository, 'lifeboat/box'), { recursive: true });
    writeFileSync(lockOf(box), 'half a lo');
    const { code, json } = await box.ask('backup');
    expect({ code, error: json.error }).toMatchObject({ code: 6, error: { code: 'locked' } });
    expect(json.error?.hint).toContain('remove that object');
  });
});

describe.concurrent.for(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('in the middle of a backup: 130, nothing half is left, and the run can be resumed', async () => {
    await using box = await sandbox();
    writeFileSync(join(box.source, 'big'), randomBytes(8 << 20));
    const progress = '"step":"store.data","message":{"type":"progress"';
    const { code, json } = await box.start(['--json', 'backup'], signalAt(box, progress, 1, signal)).ended;
    expect({ code, error: json.error }).toMatchObject({
      code: 130,
      error: { code: 'interrupted', message: `interrupted by ${signal}` },
    });
    expect(json.run).toMatchObject({ status: 'interrupted', owed: [], failedStep: 'store.data' });
    expect(objectsOf(box)).toEqual(['lifeboat/repository.json']);
    expect(readdirSync(join(box.repository, '.tmp'))).toEqual([]);
    const resumed = await box.ask('runs', 'resume', json.run?.id ?? '');
    expect(resumed).toMatchObject({ code: 0, json: { run: { status: 'done' } } });
    const { listed, stored } = pointsOf(box);
    expect(listed).toHaveLength(1);
    expect(stored).toEqual(listed);
    expect((await box.ask('points', 'verify', 'latest')).code).toBe(0);
  });

  test('in the middle of a restore: 130, what was made is kept, and the run can be resumed', async () => {
    await using box = await sandbox();
    writeFileSync(join(box.source, 'big'), randomBytes(8 << 20));
    await box.ask('backup');
    const to = join(box.base, 'to');
    const at = '"step":"restore.files","message":{"type":"progress"';
    const { code, json } = await box.start(['--json', 'restore', 'latest', '--to', to], signalAt(box, at, 1, signal))
      .ended;
    const status = { status: 'interrupted', owed: ['restore.files: undo'] };
    expect({ code, run: json.run }).toMatchObject({ code: 130, run: status });
    expect(readdirSync(to)).toEqual([expect.stringMatching(/^\.lifeboat-restore-/)]);
    const id = json.run?.id ?? '';
    expect((await box.run('runs', 'show', id)).stdout).toMatch(new RegExp(`To go on: lifeboat .*runs resume ${id}`));
    expect((await box.ask('runs', 'resume', id)).code).toBe(0);
    expect(contents(join(to, box.source))).toEqual(contents(box.source));
    expect(readdirSync(to).some((name) => name.startsWith('.lifeboat'))).toBe(false);
  });

  test('while a drop-in works: it is ended too', async () => {
    await using box = await sandbox();
    const trapped = join(box.base, 'trapped');
    const ended = join(box.base, 'ended');
    const path = join(box.base, 'etc/hooks.d/backup/store.before.d/10-wait');
    script(
      path,
      `trap 'echo > ${ended}; exit 1' TERM; touch ${trapped}; n=0; while [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done`,
    );
    const running = box.start(['--json', 'backup']);
    while (!existsSync(trapped)) await delay(10);
    running.child.kill(signal);
    expect(await running.ended).toMatchObject({ code: 130 });
    expect(existsSync(ended)).toBe(true);
    expect(objectsOf(box)).toEqual(['lifeboat/repository.json']);
  });
});

test('a second signal ends it at once, and the run can be resumed as after kill -9', async () => {
  await using box = await sandbox();
  const go = join(box.base, 'go');
  const path = join(box.base, 'etc/hooks.d/backup/store.before.d/10-wait');
  const trapped = join(box.base, 'trapped');
  script(
    path,
    `trap '' TERM; touch ${trapped}; n=0; while [ ! -e ${go} ] && [ $n -lt 2000 ]; do sleep 0.02; n=$((n + 1)); done`,
  );
  // Lifeboat would wait for the drop-in for some seconds, and end it by force.
  const running = box.start(['--json', 'backup']);
  while (!existsSync(trapped)) await delay(10);
  running.child.kill('SIGINT');
  await delay(300);
  running.child.kill('SIGTERM');
  expect((await running.ended).code).toBe(130);
  writeFileSync(go, '');
  const [id = ''] = readdirSync(join(box.state, 'runs'));
  expect((await box.ask('runs', 'show', id)).json).toMatchObject({ status: 'killed' });
  expect((await box.ask('runs', 'resume', id)).code).toBe(0);
  expect(pointsOf(box).listed).toHaveLength(1);
});

test('an interrupted run can be undone instead, once', async () => {
  await using box = await sandbox();
  const at = '"step-started","step":"verify.read-back"';
  const killed = await box.start(['--json', 'backup'], signalAt(box, at, 1, 'SIGKILL')).ended;
  expect(killed.code).toBeNull();
  const { stored, listed } = pointsOf(box);
  expect({ stored: stored.length, listed }).toEqual({ stored: 1, listed: [] });
  const [id = ''] = readdirSync(join(box.state, 'runs'));
  expect((await box.run('runs', 'list')).stdout).toMatch(new RegExp(`${id} +backup +killed`));
  expect(await box.ask('runs', 'resume', id, '--undo')).toMatchObject({ code: 0, json: { run: { status: 'undone' } } });
  expect(objectsOf(box)).toEqual(['lifeboat/repository.json']);
  const again = await box.ask('runs', 'resume', id);
  expect(again).toMatchObject({ code: 2, json: { error: { code: 'usage' } } });
  expect(again.json.error?.message).toContain('has ended (undone)');
});

test('a restore whose stage is gone has given all attributes: killed then, the same command has nothing to ask', async () => {
  await using box = await sandbox();
  await box.ask('backup');
  const killer = join(box.base, 'killer.mjs');
  const script = `import promises from 'node:fs/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const { rm } = promises;
    promises.rm = async (path, options) => {
      await rm(path, options);
      if (/restore-[^/]*$/.test(path)) process.kill(process.pid, 'SIGKILL');
    };
    syncBuiltinESMExports();`;
  writeFileSync(killer, script);
  const to = join(box.base, 'to');
  const command = ['restore', 'latest', '--to', to];
  const modeOf = (path: string) => lstatSync(path).mode & 0o777;

  expect((await box.ask(...command)).code).toBe(0);
  const hosts = join(to, box.source, 'etc/hosts');
  const mode = modeOf(hosts);
  chmodSync(hosts, 0o600);
  writeFileSync(join(to, box.source, 'etc/ssh/config'), 'to be replaced');
  const yes = `--yes=${String((await box.ask('--dry-run', ...command)).json['digest'])}`;
  expect((await box.start(['--json', yes, ...command], { node: ['--import', killer] }).ended).code).toBeNull();
  expect(readdirSync(to).filter((name) => name.startsWith('.lifeboat'))).toEqual([]);
  expect(await box.ask(yes, ...command)).toMatchObject({ code: 0, json: { created: 0, replaced: 0 } });
  expect(modeOf(hosts)).toBe(mode);
});
