/** The scheduler with real runs: made up, begun again, interrupted, told. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sleep } from '../../src/kernel/wait.ts';
import { acquireLock, lockKey } from '../../src/point/lock.ts';
import { openTarget } from '../../src/target/targets.ts';
import { pointsOf, type Sandbox, sandbox, script } from '../helpers/cli.ts';

const day = 86_400_000;
/** Every day, and not while this is tested: a run that falls due in between would change what is seen. */
const daily = `0 ${(new Date().getHours() + 12) % 24} * * *`;

async function box(schedule: string, more = ''): Promise<Sandbox> {
  const made = await sandbox();
  made.configure(`schedule:\n${schedule}\n${more}`);
  return made;
}

/** As if the job had last been looked at then. */
function lookedAt({ state }: Sandbox, job: string, time: number): void {
  mkdirSync(join(state, 'schedules'), { recursive: true });
  const document = { format: 'lifeboat.job/1', handled: new Date(time).toISOString() };
  writeFileSync(join(state, 'schedules', `${job}.json`), JSON.stringify(document));
}

function stateOf({ state }: Sandbox, job: string) {
  return JSON.parse(readFileSync(join(state, 'schedules', `${job}.json`), 'utf8'));
}

function dropIn(at: Sandbox, name: string, text: string): string {
  return script(join(at.base, 'etc/hooks.d', name), text);
}

/** Notices, as a drop-in gets them. */
function notices(at: Sandbox): { event: string; [key: string]: unknown }[] {
  const file = join(at.base, 'notices');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function listen(at: Sandbox): void {
  dropIn(at, 'notify/10-log', `cat >> ${at.base}/notices; echo >> ${at.base}/notices`);
}

/** A drop-in that says which lifeboat called it, and waits while a file is there. */
function gate(at: Sandbox): { readonly file: string; pids: () => number[] } {
  const file = join(at.base, 'gate');
  writeFileSync(file, '');
  dropIn(
    at,
    'backup/store.before.d/10-gate',
    `echo "$PPID $$" > ${at.base}/pids.new; mv ${at.base}/pids.new ${at.base}/pids
while [ -e ${file} ]; do sleep 0.1; done`,
  );
  return { file, pids: () => readFileSync(join(at.base, 'pids'), 'utf8').trim().split(' ').map(Number) };
}

/** A server that takes notices. */
async function webhook(): Promise<AsyncDisposable & { readonly url: string; readonly bodies: readonly string[] }> {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      bodies.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  return { url: `http://127.0.0.1:${port}/hook`, bodies, [Symbol.asyncDispose]: async () => void server.close() };
}

/** Ends when it holds; the tests here run at the same time, and `expect.poll` belongs to one. */
async function until(isSo: () => boolean): Promise<void> {
  const limit = AbortSignal.timeout(60_000);
  while (!isSo()) await sleep(50, limit);
}

const arrived = async (path: string) => await until(() => existsSync(path));

test.concurrent('what was missed for ten days is made up once; then nothing is due', async () => {
  await using at = await box(
    `  backup: { cron: "${daily}" }\n  check: { cron: "${daily}", catchUp: false }`,
    'rpo: 26h',
  );
  lookedAt(at, 'backup', Date.now() - 10 * day);
  lookedAt(at, 'check', Date.now() - 10 * day);
  const first = await at.run('schedule', 'run', '--due');
  expect(first.stderr).toMatch(/backup: (begins|the run of .* was missed, and is made up now)/);
  expect(first.stdout).toContain('backup: done');
  expect(first.code).toBe(0);
  expect(pointsOf(at).listed).toHaveLength(1);
  expect(stateOf(at, 'backup')).toMatchObject({ last: { outcome: 'done', exitStatus: 0, attempts: 1 } });
  expect(stateOf(at, 'backup')).not.toHaveProperty('running');
  const second = await at.run('schedule', 'run', '--due');
  expect(second).toMatchObject({ code: 0, stdout: '' });
  expect(pointsOf(at).listed).toHaveLength(1);
  const { json } = await at.ask('schedule', 'list', '--count', '2');
  expect(json['jobs']).toMatchObject([
    { name: 'backup', next: [expect.any(String), expect.any(String)], last: { outcome: 'done' } },
    { name: 'check' },
  ]);
});

test.concurrent('a scheduler that is killed with its run begins that again, after it has tidied up and what was stopped is started', async () => {
  await using at = await box(`  backup: { cron: "${daily}" }`);
  const { file, pids } = gate(at);
  dropIn(at, 'backup/store.end.d/10-start', `echo "$LIFEBOAT_OUTCOME" >> ${at.base}/outcomes`);
  lookedAt(at, 'backup', Date.now() - 2 * day);
  const { child, ended } = at.start(['schedule', 'run']);
  await arrived(join(at.base, 'pids'));
  child.kill('SIGKILL');
  for (const pid of pids()) process.kill(pid, 'SIGKILL');
  await ended;
  expect(stateOf(at, 'backup')).toMatchObject({ running: { beginnings: 1 } });
  expect((await at.run('status')).stdout).toContain('was killed, and nobody began it again');
  expect(existsSync(join(at.base, 'outcomes'))).toBe(false);
  rmSync(file);
  const again = await at.run('schedule', 'run', '--due');
  expect(again.stderr).toContain('undoes what the run');
  expect(again.stderr).toContain('was killed, and is begun again');
  expect(again.stdout).toContain('backup: done');
  expect(readFileSync(join(at.base, 'outcomes'), 'utf8')).toBe('killed\ndone\n');
  const { listed, stored } = pointsOf(at);
  expect(listed).toHaveLength(1);
  expect(stored).toEqual(listed);
  const runs = JSON.parse((await at.ask('runs', 'list')).stdout);
  expect(runs.map(({ status }: { status: string }) => status)).toEqual(['done', 'undone']);
});

test.concurrent('a run that is killed while the scheduler lives: what it stopped is started at once', async () => {
  await using at = await box(`  backup: { cron: "${daily}" }`);
  const { pids } = gate(at);
  dropIn(at, 'backup/store.end.d/10-start', `echo "$LIFEBOAT_OUTCOME" >> ${at.base}/outcomes`);
  lookedAt(at, 'backup', Date.now() - 2 * day);
  const { child, ended, saw } = at.start(['schedule', 'run']);
  await arrived(join(at.base, 'pids'));
  for (const pid of pids()) process.kill(pid, 'SIGKILL');
  await saw('backup: failed');
  expect(readFileSync(join(at.base, 'outcomes'), 'utf8')).toBe('killed\n');
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test.concurrent('SIGTERM is passed on to the run, which cleans up; the scheduler ends well, and goes on after its start', async () => {
  await using at = await box(`  backup: { cron: "${daily}" }`);
  const { file } = gate(at);
  dropIn(at, 'backup/store.end.d/10-start', `echo "$LIFEBOAT_OUTCOME" >> ${at.base}/outcomes`);
  lookedAt(at, 'backup', Date.now() - 2 * day);
  const { child, ended } = at.start(['schedule', 'run']);
  await arrived(join(at.base, 'pids'));
  const second = await at.run('schedule', 'run');
  expect(second).toMatchObject({ code: 6, stderr: expect.stringContaining('another scheduler') });
  // Nor does one that looks once disturb it.
  expect(await at.run('schedule', 'run', '--due')).toMatchObject({ code: 0, stdout: '' });
  child.kill('SIGTERM');
  expect(await ended).toMatchObject({ code: 0 });
  expect(readFileSync(join(at.base, 'outcomes'), 'utf8')).toBe('interrupted\n');
  expect(stateOf(at, 'backup')).toMatchObject({ running: { beginnings: 1 } });
  rmSync(file);
  const next = at.start(['schedule', 'run']);
  await next.saw('backup: done');
  next.child.kill('SIGTERM');
  expect((await next.ended).code).toBe(0);
});

test.concurrent('a run that takes too long is ended and told by each channel; the next good one is told too', async () => {
  await using hook = await webhook();
  const notify = `notify: { webhook: "${hook.url}", mail: { to: root }, prometheus: /nonexistent/lifeboat.prom }\n`;
  await using at = await box(`  backup: { cron: "${daily}", timeLimit: 5s }`, notify);
  const { file } = gate(at);
  listen(at);
  dropIn(at, 'notify/20-broken', 'exit 1');
  script(join(at.base, 'bin/sendmail'), `echo "$*" > ${at.base}/mail-arguments; cat > ${at.base}/mail`);
  const env = { PATH: `${at.base}/bin:${process.env['PATH']}` };
  lookedAt(at, 'backup', Date.now() - 2 * day);
  const late = await at.start(['schedule', 'run', '--due'], { env }).ended;
  expect(late).toMatchObject({ code: 1, stdout: 'backup: failed\n' });
  expect(late.stderr).toContain('metrics: write /nonexistent/lifeboat.prom');
  expect(late.stderr).toMatch(/notice: not sent by .*20-broken/);
  expect(notices(at)).toMatchObject([{ event: 'failed', job: 'backup', error: { code: 'step-timeout' }, unsent: [] }]);
  expect(hook.bodies.map((body) => JSON.parse(body))).toMatchObject([{ event: 'failed', host: 'box' }]);
  expect(readFileSync(join(at.base, 'mail-arguments'), 'utf8')).toBe('-t -i\n');
  expect(readFileSync(join(at.base, 'mail'), 'utf8')).toContain('Subject: lifeboat on box: backup failed: ');
  const runs = JSON.parse((await at.ask('runs', 'list')).stdout);
  expect(runs).toMatchObject([{ status: 'interrupted', owed: [] }]);
  expect(notices(at)[0]?.['run']).toBe(runs[0].id);
  // The broken drop-in is mended, and there is time enough.
  at.configure(`schedule: { backup: { cron: "${daily}" } }\n${notify}`);
  rmSync(join(at.base, 'etc/hooks.d/notify/20-broken'));
  rmSync(file);
  lookedAt(at, 'backup', Date.now() - day - 1000);
  const good = await at.start(['schedule', 'run', '--due'], { env }).ended;
  expect(good.stdout).toBe('backup: done\n');
  expect(notices(at)[1]).toMatchObject({
    event: 'recovered',
    newestVerified: { id: pointsOf(at).listed[0] },
    unsent: [expect.stringContaining('20-broken')],
  });
});

test.concurrent('a repository that is locked is tried again', async () => {
  await using at = await box(`  backup: { cron: "${daily}", retry: { attempts: 2, delay: 1s } }`);
  const { signal } = new AbortController();
  await using target = await openTarget(at.repository, {}, signal);
  const claim = { host: 'other', pid: 1, processStart: 0, run: 'theirs', since: new Date().toISOString() };
  await acquireLock(target, lockKey('box'), claim, async () => true, signal);
  lookedAt(at, 'backup', Date.now() - 2 * day);
  const { code, stderr } = await at.run('schedule', 'run', '--due');
  expect(code).toBe(1);
  expect(stderr).toContain('attempt 2 in 1.0 s');
  expect(stateOf(at, 'backup').last).toMatchObject({ outcome: 'failed', exitStatus: 6, attempts: 2 });
});

test.concurrent('silence is told when nothing ran at all, once; and when it is over', async () => {
  await using at = await box('  backup: { cron: "0 2 1 1 *" }', 'rpo: 26h');
  listen(at);
  const since = new Date(Date.now() - 2 * day).toISOString();
  mkdirSync(join(at.state, 'schedules'), { recursive: true });
  const notice = { format: 'lifeboat.notices/1', since, open: [], told: {}, unsent: [] };
  writeFileSync(join(at.state, 'schedules/notices.json'), JSON.stringify(notice));
  expect((await at.run('status', '--notify')).code).toBe(4);
  expect((await at.run('status', '--notify')).code).toBe(4);
  expect((await at.run('schedule', 'run', '--due')).code).toBe(0);
  expect(notices(at)).toMatchObject([{ event: 'silent', newestVerified: null, rpoSeconds: 93_600 }]);
  expect((await at.run('backup')).code).toBe(0);
  await at.run('status', '--notify');
  expect(notices(at).map(({ event }) => event)).toEqual(['silent', 'recovered']);
});

test.concurrent('who looks for silence at the same moment tells it once', async () => {
  await using at = await box('  backup: { cron: "0 2 1 1 *" }', 'rpo: 1s');
  dropIn(at, 'notify/10-slow', `sleep 3; cat >> ${at.base}/notices; echo >> ${at.base}/notices`);
  await at.run('status', '--notify');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await Promise.all([1, 2, 3].map(() => at.run('status', '--notify')));
  expect(notices(at)).toMatchObject([{ event: 'silent' }]);
});

test.concurrent('a configuration that is wrong when the scheduler starts is told once, to those whom it names', async () => {
  await using hook = await webhook();
  await using at = await box(`  backup: { crn: "${daily}" }`, `notify: { webhook: "${hook.url}" }`);
  listen(at);
  expect(await at.run('schedule', 'run')).toMatchObject({ code: 2, stderr: expect.stringContaining('crn') });
  expect(await at.run('schedule', 'run', '--due')).toMatchObject({ code: 2 });
  const told = { event: 'failed', error: { code: 'config-invalid', message: expect.stringContaining('crn') } };
  expect(notices(at)).toMatchObject([told]);
  expect(hook.bodies.map((body) => JSON.parse(body))).toMatchObject([told]);
});

test.concurrent('what keeps the scheduler itself from its work is told too', async () => {
  await using at = await box(`  backup: { cron: "${daily}" }`);
  listen(at);
  mkdirSync(join(at.state, 'schedules/backup.json'), { recursive: true });
  const { child, ended } = at.start(['schedule', 'run']);
  await arrived(join(at.base, 'notices'));
  await until(() => readFileSync(join(at.base, 'notices'), 'utf8').includes('backup.json'));
  expect(notices(at)).toMatchObject([{ event: 'failed', error: { message: expect.stringContaining('backup.json') } }]);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});

test.concurrent('status is green when all is proven, and names what is not', async () => {
  await using at = await box(`  backup: { cron: "${daily}" }`, 'rpo: 26h');
  const bare = await at.ask('status');
  expect(bare.code).toBe(4);
  expect(bare.json).toMatchObject({ green: false, points: 0, rpo: { met: false } });
  await at.run('backup');
  for (const [looked, problem] of [
    [undefined, 'no scheduler has looked at it'],
    [Date.now() - 2 * day, 'nobody began its run of'],
  ] as const) {
    if (looked !== undefined) lookedAt(at, 'backup', looked);
    const { json } = await at.ask('status');
    expect(json['findings']).toMatchObject([{ subject: 'job backup', problem: expect.stringContaining(problem) }]);
  }
  lookedAt(at, 'backup', Date.now());
  const good = await at.ask('status');
  expect(good.json['findings']).toEqual([]);
  expect(good.code).toBe(0);
  expect(good.json).toMatchObject({
    green: true,
    points: 1,
    newestVerified: { trust: 'read-back' },
    rpo: { met: true },
    lastDrill: null,
  });
  at.configure(`schedule:\n  backup: { cron: "${daily}" }\nrpo: 1h\n`);
  // Age is by the clock of the storage, which here is the time of the record's file.
  const point = pointsOf(at).listed[0] ?? '';
  for (const [ageMs, problem] of [
    [day / 12, 'target is 1h'],
    [-400 * day, 'it arrived in the future'],
  ] as const) {
    const then = (Date.now() - ageMs) / 1000;
    utimesSync(recordOf(at, point), then, then);
    const stale = await at.ask('status');
    expect(stale.code).toBe(4);
    expect(JSON.stringify(stale.json['findings'])).toContain(problem);
  }
  rmSync(join(at.repository, 'lifeboat'), { recursive: true });
  const gone = await at.ask('status');
  expect(gone.code).toBe(1);
  expect(gone.json).toMatchObject({ green: false, rpo: { met: false } });
  expect(gone.json).not.toHaveProperty('points');
  expect((await at.run('status')).stdout).toContain('NOT everything is proven');
});

function recordOf({ repository }: Sandbox, point: string): string {
  const folder = join(repository, 'lifeboat/box/points');
  const name = readdirSync(folder).find((entry) => entry.startsWith(point));
  return join(folder, name ?? 'none');
}
