import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { endProcess } from '../helpers/child-process.ts';
import { lifeboat, sandbox, script } from '../helpers/cli.ts';

async function box() {
  const at = await sandbox();
  onTestFinished(() => at[Symbol.asyncDispose]());
  at.configure('schedule:\n  backup: { cron: "0 2 * * *" }\n');
  return at;
}

test('install writes a unit that starts this lifeboat, uninstall removes it; a dry run writes nothing', async () => {
  const at = await box();
  const root = join(at.base, 'image');
  const unit = join(root, 'etc/systemd/system/lifeboat-schedule.service');
  const dry = await at.run('--dry-run', 'schedule', 'install', '--root', root);
  expect(dry.code).toBe(0);
  expect(existsSync(root)).toBe(false);
  expect((await at.run('schedule', 'install', '--root', root)).code).toBe(0);
  const text = readFileSync(unit, 'utf8');
  expect(`${dry.stdout.trimEnd()}\n`).toBe(text);
  expect(text).toContain(
    `ExecStart=${process.execPath} ${lifeboat} --config ${at.config} --state-dir ${at.state} schedule run`,
  );
  const twice = await at.run('schedule', 'install', '--cron', '--root', root);
  expect(twice).toMatchObject({ code: 1, stderr: expect.stringContaining('installed already') });
  expect((await at.run('schedule', 'uninstall', '--root', root)).stdout).toContain(unit);
  expect(existsSync(unit)).toBe(false);
  expect((await at.run('schedule', 'uninstall', '--root', root)).stdout).toContain('not installed');
  expect((await at.run('schedule', 'install', '--cron', '--root', root)).code).toBe(0);
  expect(readFileSync(join(root, 'etc/cron.d/lifeboat'), 'utf8')).toContain("'schedule' 'run' '--due'");
});

test('a configuration without a schedule, or a wrong one, is not installed', async () => {
  const at = await box();
  for (const lines of ['', 'schedule: {}\n', 'schedule:\n  backup: { cron: "0 2 * *" }\n']) {
    at.configure(lines);
    const { code, stderr } = await at.run('schedule', 'install', '--root', join(at.base, 'image'));
    expect([code, stderr]).toEqual([2, expect.stringMatching(/schedules nothing|has 4 fields/)]);
  }
  expect(existsSync(join(at.base, 'image'))).toBe(false);
});

const manager = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True: print(s.recv(65536).decode().replace(chr(10), ' | '), flush=True)
`;

test('the service manager is told of readiness, life, what is next, and the end', async () => {
  const at = await box();
  const socket = join(at.base, 'manager');
  const python: ChildProcess = spawn('python3', ['-c', manager, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => endProcess(python));
  const heard: string[] = [];
  if (python.stdout === null) throw new Error('no stdout');
  createInterface({ input: python.stdout }).on('line', (line) => heard.push(line));
  await expect.poll(() => heard, { timeout: 30_000 }).toContain('listening');
  const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '4000000' };
  const { child, ended } = at.start(['schedule', 'run'], { env });
  await expect
    .poll(() => heard.filter((line) => line.startsWith('WATCHDOG=1')).length, { timeout: 60_000 })
    .toBeGreaterThan(2);
  expect(heard[1]).toBe('READY=1');
  expect(heard[2]).toMatch(/^WATCHDOG=1 \| STATUS=next: backup \d{4}-\d\d-\d\dT02:00:00.000Z$/);
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
  await expect.poll(() => heard.at(-1), { timeout: 30_000 }).toMatch(/^STOPPING=1/);
});

test('a changed configuration counts at once, and a wrong one is said while the last good one goes on', async () => {
  const at = await box();
  const told = join(at.base, 'told');
  script(join(at.base, 'etc/hooks.d/notify/10-log'), `cat >> ${told}`);
  writeFileSync(told, '');
  const { child, ended, saw } = at.start(['schedule', 'run'], {
    env: { NOTIFY_SOCKET: '/nonexistent', WATCHDOG_USEC: '2000000' },
  });
  await saw('the scheduler runs backup');
  at.configure('schedule:\n  backup: { cron: "0 2 * *" }\n');
  await saw('the last good one goes on');
  // Other notices may have come before, such as that of silence.
  await expect.poll(() => readFileSync(told, 'utf8'), { timeout: 60_000 }).toContain('has 4 fields');
  at.configure('schedule:\n  backup: { cron: "* * * * *" }\n');
  await saw('backup: begins');
  child.kill('SIGTERM');
  expect((await ended).code).toBe(0);
});
