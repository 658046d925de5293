/** The first minutes: `init` and `doctor`. */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CliDocument, listing, sandbox, script } from '../helpers/cli.ts';

describe.concurrent('init', () => {
  test('writes what backup works with as it stands, and makes the repository', async () => {
    await using box = await sandbox({ bare: true });
    const init = await box.run('init', '--repository', `file://${box.repository}`, '--include', box.source);
    expect(init).toMatchObject({ code: 0, stderr: '' });
    expect(init.stdout).toContain(`Wrote ${box.config}.`);
    expect(statSync(box.config).mode & 0o777).toBe(0o644);
    expect(existsSync(join(box.repository, 'lifeboat/repository.json'))).toBe(true);
    // It is made, and incomplete only for the recovery code that nobody has proven yet.
    const backup = await box.ask('backup');
    expect(backup).toMatchObject({ code: 4, stderr: '' });
    expect(backup.json.run?.findings).toMatchObject([{ subject: 'recovery code' }]);
  });

  test('refuses to replace a configuration, and does with --force; finds the repository again', async () => {
    await using box = await sandbox();
    writeFileSync(box.config, '# mine\n');
    const marker = readFileSync(join(box.repository, 'lifeboat/repository.json'), 'utf8');
    const args = ['init', '--repository', box.repository, '--include', box.source];
    const refused = await box.ask(...args);
    expect(refused).toMatchObject({ code: 5, json: { error: { code: 'refused' }, exitStatus: 5 } });
    expect(refused.json.error?.hint).toContain('--force');
    expect(readFileSync(box.config, 'utf8')).toBe('# mine\n');
    expect(await box.ask(...args, '--force')).toMatchObject({ code: 0, json: { made: 'found' } });
    expect(readFileSync(box.config, 'utf8')).toContain(`repository: ${box.repository}`);
    expect(readFileSync(join(box.repository, 'lifeboat/repository.json'), 'utf8')).toBe(marker);
  });

  test('--dry-run shows the configuration and makes nothing', async () => {
    await using box = await sandbox({ bare: true });
    const before = listing(box.base);
    const { code, stdout } = await box.run('init', '--dry-run', '--repository', box.repository, '--include', '/etc');
    expect(code).toBe(0);
    expect(stdout).toContain(`repository: ${box.repository}`);
    expect(stdout).toContain('nothing is written (--dry-run)');
    expect(listing(box.base)).toEqual(before);
  });

  test.for([
    [['--include', 'etc'], /is not an absolute path/],
    [['--include', '/etc', '--engine', 'zip'], /zip/],
    [['--include', '/etc', '--repository', 'nonsense'], /not the URL of a repository/],
    [['--include', '/etc', '--repository', 'fiel:///x'], /fiel/],
  ] as const)('%j: exit 2 and nothing is made', async ([args, reason]) => {
    await using box = await sandbox({ bare: true });
    const before = listing(box.base);
    const { code, stderr } = await box.run('init', '--repository', box.repository, ...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(reason) });
    expect(listing(box.base)).toEqual(before);
  });
});

describe.concurrent('doctor', () => {
  const stateOf = ({ checks = [] }: CliDocument, name: string) => checks.find((check) => check.name === name);

  test('says that the configuration is missing: exit 1, and what to do', async () => {
    await using box = await sandbox({ bare: true });
    const { code, json } = await box.ask('doctor');
    expect(code).toBe(1);
    expect(stateOf(json, 'configuration')).toMatchObject({ state: 'missing', remedy: 'lifeboat init' });
    const text = await box.run('doctor');
    expect(text.code).toBe(1);
    expect(text.stdout).toMatch(/To do:\n.*configuration: lifeboat init/s);
  });

  test('says that the disk of the repository is not mounted: exit 1', async () => {
    await using box = await sandbox();
    rmSync(box.repository, { recursive: true });
    mkdirSync(box.repository);
    const { code, json } = await box.ask('doctor');
    expect(code).toBe(1);
    expect(stateOf(json, 'configuration')).toMatchObject({ state: 'ok' });
    expect(stateOf(json, 'repository')).toMatchObject({ state: 'missing', remedy: expect.stringContaining('mount') });
  });

  test('finds nothing missing where everything is there, and leaves nothing behind', async () => {
    await using box = await sandbox();
    const before = listing(box.base);
    const { code, json } = await box.ask('doctor');
    const states = (json.checks ?? []).map(({ state }) => state);
    expect(states).not.toContain('missing');
    expect(code).toBe(states.includes('limited') ? 4 : 0);
    expect(listing(box.base)).toEqual(before);
  });

  test('keys and schedule: what is not proven and what nothing runs', async () => {
    await using box = await sandbox({ bare: true });
    const made = await box.ask('init', '--repository', box.repository, '--include', box.source);
    expect(made.code).toBe(0);
    const first = (await box.ask('doctor')).json;
    expect(stateOf(first, 'host key')).toMatchObject({ state: 'ok' });
    expect(stateOf(first, 'recovery code')).toMatchObject({ state: 'limited', remedy: 'lifeboat key check' });
    expect(stateOf(first, 'schedule')).toMatchObject({ state: 'limited', detail: 'no backup is scheduled' });
    appendFileSync(box.config, 'schedule: { backup: { cron: "0 2 1 1 *" } }\n');
    expect(stateOf((await box.ask('doctor')).json, 'schedule')).toMatchObject({
      detail: 'nothing runs what is scheduled',
    });
    const { child, ended, saw } = box.start(['schedule', 'run']);
    await saw('the scheduler runs backup');
    expect(stateOf((await box.ask('doctor')).json, 'schedule')).toMatchObject({ state: 'ok' });
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    const key = /^key: *(.*)$/m.exec(readFileSync(box.config, 'utf8'))?.[1] ?? '';
    chmodSync(key, 0o644);
    expect(stateOf((await box.ask('doctor')).json, 'host key')).toMatchObject({ state: 'missing' });
  });

  test('drop-ins that would stop a backup, or would never run', async () => {
    await using box = await sandbox();
    const good = script(join(box.base, 'etc/hooks.d/backup/store.before.d/10-good'), 'true');
    expect(stateOf((await box.ask('doctor')).json, 'drop-ins')).toMatchObject({
      state: 'ok',
      detail: '1 around stages',
    });
    chmodSync(good, 0o644);
    expect(stateOf((await box.ask('doctor')).json, 'drop-ins')).toMatchObject({ state: 'missing' });
    chmodSync(good, 0o755);
    script(join(box.base, 'etc/hooks.d/bakup/store.before.d/10-lost'), 'true');
    const lost = stateOf((await box.ask('doctor')).json, 'drop-ins');
    expect(lost).toMatchObject({ state: 'missing', detail: expect.stringContaining('belongs to no workflow') });
  });

  test('a state directory that cannot be made: exit 1', async () => {
    await using box = await sandbox();
    writeFileSync(box.state, 'a file');
    const { code, json } = await box.ask('--state-dir', join(box.state, 'below'), 'doctor');
    expect(code).toBe(1);
    expect(stateOf(json, 'state directory')).toMatchObject({ state: 'missing' });
  });
});
