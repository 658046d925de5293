/** Keys from the first minute to the bad day: made, proven, replaced, lost. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { backedUp, contents, pointsOf, sandbox } from '../helpers/cli.ts';
import { anotherCode, copiesOfKeyed, keyedSandbox, newCodeIn } from '../helpers/keyed.ts';
import { lockFile } from '../../src/host/file-lock.ts';

const stored = copiesOfKeyed(async () => await backedUp(await keyedSandbox()));
const storedWriteOnly = copiesOfKeyed(async () => await backedUp(await keyedSandbox('--write-only')));

describe.concurrent('init', () => {
  test('prints the recovery code once, and it is nowhere on disk', async () => {
    await using box = await sandbox({ bare: true });
    const init = ['init', '--repository', box.repository, '--include', box.source];
    const made = await box.run(...init);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const codes = made.stdout.match(/([0-9A-Z]{5}-){6}[0-9A-Z]{5}/g) ?? [];
    expect(codes).toHaveLength(1);
    expect(made.stdout).toMatch(/age identity +AGE-SECRET-KEY-1/);
    expect(made.stdout).toContain('key check');
    expect(JSON.stringify(contents(box.base))).not.toContain(codes[0]?.replaceAll('-', ''));
    expect(JSON.stringify(contents(box.base))).not.toContain(codes[0]);
    const key = join(box.base, 'etc/host.key');
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(readFileSync(box.config, 'utf8')).toContain(`key: ${key}`);

    const before = readFileSync(key, 'utf8');
    const again = await box.run(...init, '--force');
    expect(again.code).toBe(0);
    expect(again.stdout).toContain(`Kept the host key ${key}`);
    expect(again.stdout).not.toMatch(/([0-9A-Z]{5}-){6}/);
    expect(readFileSync(key, 'utf8')).toBe(before);
    const refused = await box.run(...init, '--force', '--write-only');
    expect(refused).toMatchObject({ code: 5, stderr: expect.stringContaining('key rotate --host-key --write-only') });
  });

  test('--no-encryption: records are signed, and data is plain', async () => {
    await using box = await keyedSandbox('--no-encryption');
    writeFileSync(join(box.source, 'canary'), 'plain as day');
    expect(await box.withCode(box.code, 'key', 'check')).toMatchObject({ code: 0 });
    expect(await box.ask('backup')).toMatchObject({ code: 0 });
    expect(
      Object.keys(contents(box.repository)).filter((name) => name.includes('/points/') && name.endsWith('.age')),
    ).toEqual([]);
    expect(await box.elsewhere(box.code, 'points', 'verify', 'latest')).toMatchObject({ code: 0 });
  });
});

test('a host that is installed anew goes on under the code that it had', async () => {
  await using box = await stored();
  const [older = ''] = pointsOf(box).listed;
  rmSync(join(box.base, 'etc'), { recursive: true });
  rmSync(box.state, { recursive: true });
  const init = ['init', '--repository', `file://${box.repository}`, '--host', 'box', '--include', box.source];
  const again = await box.run(...init);
  expect(again.code).toBe(0);
  expect(again.stdout).toContain(`rm ${box.keyFile} && `);
  rmSync(box.keyFile);
  expect(await box.withCode(box.code, 'key', 'rotate', '--host-key')).toMatchObject({ code: 0 });
  expect(await box.ask('backup')).toMatchObject({ code: 0 });
  expect(await box.ask('points', 'verify', older)).toMatchObject({ code: 0 });
  expect((await box.elsewhere(box.code, 'points', 'list')).json.points).toHaveLength(2);
});

test('a write-only host that is installed anew stays write-only, and a full one can become it', async () => {
  for (const first of ['write-only', 'full']) {
    await using box = await (first === 'full' ? stored() : storedWriteOnly());
    const [older = ''] = pointsOf(box).listed;
    rmSync(join(box.base, 'etc'), { recursive: true });
    rmSync(box.state, { recursive: true });
    const init = ['init', '--repository', `file://${box.repository}`, '--host', 'box', '--include', box.source];
    const again = await box.run(...init, '--write-only');
    expect(again.stdout).toContain('key rotate --host-key --write-only');
    rmSync(box.keyFile);
    const rotate = ['key', 'rotate', '--host-key', ...(first === 'full' ? ['--write-only'] : [])];
    expect(await box.withCode(box.code, ...rotate)).toMatchObject({ code: 0, json: { writeOnly: true } });
    expect((await box.ask('key', 'show')).json).toMatchObject({ mode: 'write-only' });
    expect(readFileSync(box.keyFile, 'utf8')).not.toContain('AGE-SECRET-KEY');
    expect(await box.elsewhere(box.code, 'points', 'verify', older)).toMatchObject({ code: 0 });
  }
});

describe.concurrent('the recovery code', () => {
  test('a backup is incomplete until it was proven; then it is protected', async () => {
    await using box = await keyedSandbox();
    const first = await box.ask('backup');
    expect(first.code).toBe(4);
    expect(first.json.run?.findings).toMatchObject([{ problem: expect.stringContaining('lifeboat key check') }]);
    expect((await box.ask('key', 'show')).json).toMatchObject({ proven: null, host: 'box', mode: 'full' });
    expect(await box.withCode(box.code.toLowerCase().replaceAll('-', ' '), 'key', 'check')).toMatchObject({
      code: 0,
      json: { keyRecord: 'opened', point: pointsOf(box).listed[0], proven: expect.any(String) },
    });
    expect(await box.ask('backup')).toMatchObject({ code: 0 });
    expect((await box.ask('key', 'show')).json['proven']).toEqual(expect.any(String));
  });

  test('that is mistyped, of another host, or missing proves nothing', async () => {
    await using box = await keyedSandbox();
    const group = box.code.split('-');
    const wrong = [
      ...group.slice(0, 2),
      group[2]?.replace(/.$/, (last) => (last === '7' ? '8' : '7')),
      ...group.slice(3),
    ];
    const mistyped = await box.withCode(wrong.join('-'), 'key', 'check');
    expect(mistyped).toMatchObject({ code: 2, json: { error: { code: 'usage' } } });
    expect(mistyped.json.error?.message).toContain('group 3 of the recovery code');
    expect(mistyped.stdout).not.toContain(wrong[2]);
    const other = anotherCode();
    expect(await box.withCode(other, 'key', 'check')).toMatchObject({ code: 1, json: { error: { code: 'no-key' } } });
    expect(await box.elsewhere(other, 'key', 'check')).toMatchObject({ code: 1, json: { error: { code: 'no-key' } } });
    expect(await box.ask('key', 'check')).toMatchObject({ code: 2 });
    expect((await box.ask('key', 'show')).json['proven']).toBeNull();
  });

  test('typed at a terminal it is asked for again when mistyped, and never shown', async () => {
    await using box = await keyedSandbox();
    const typist = join(box.base, 'typist.py');
    writeFileSync(
      typist,
      `import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
shown, answers = b'', [b'ABCDE\\r', sys.argv[1].encode() + b'\\r']
while True:
    try: piece = os.read(terminal, 4096)
    except OSError: break
    if not piece: break
    shown += piece
    if answers and shown.count(b'not shown): ') > 2 - len(answers): os.write(terminal, answers.pop(0))
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`,
    );
    const lifeboat = [process.execPath, join(import.meta.dirname, '../../bin/lifeboat.js'), '--config', box.config];
    const ended = spawnSync('python3', [typist, box.code, ...lifeboat, 'key', 'check'], { encoding: 'utf8' });
    expect(ended).toMatchObject({ status: 0, stdout: expect.stringContaining('The recovery code is right') });
    expect(ended.stdout).toContain('has 5 characters, and should have 35');
    expect(ended.stdout).not.toContain(box.code);
    expect(ended.stdout).not.toContain('ABCDE');
  });

  test('from a file that others can read is refused; from a private one and a credential it is taken', async () => {
    await using box = await keyedSandbox();
    const secrets = join(box.base, 'etc/secrets');
    mkdirSync(secrets);
    writeFileSync(join(secrets, 'recovery-code'), `${box.code}\n`, { mode: 0o644 });
    expect(await box.ask('key', 'check')).toMatchObject({ code: 1, json: { error: { code: 'untrusted' } } });
    chmodSync(join(secrets, 'recovery-code'), 0o600);
    expect(await box.ask('key', 'check')).toMatchObject({ code: 0 });
    rmSync(secrets, { recursive: true });
    const credentials = join(box.base, 'credentials');
    mkdirSync(credentials);
    writeFileSync(join(credentials, 'lifeboat.recovery-code'), box.code);
    const given = box.start(['--json', 'key', 'check'], { env: { CREDENTIALS_DIRECTORY: credentials } });
    expect(await given.ended).toMatchObject({ code: 0 });
  });
});

describe.concurrent('a machine without a configuration', () => {
  test('gets a file and all files back with the URL and the code alone', async () => {
    await using box = await stored();
    const [id] = pointsOf(box).listed;
    // The host is gone, with its key, its configuration and its state.
    rmSync(join(box.base, 'etc'), { recursive: true });
    rmSync(box.state, { recursive: true });
    expect((await box.elsewhere(box.code, 'points', 'list')).json.points).toMatchObject([{ id }]);
    const [one, all] = [join(box.base, 'one'), join(box.base, 'all')];
    const file = join(box.source, 'etc/hosts');
    expect(await box.elsewhere(box.code, 'restore', 'latest', file, '--to', one)).toMatchObject({ code: 0 });
    expect(readFileSync(join(one, file))).toEqual(readFileSync(file));
    expect(await box.elsewhere(box.code, 'restore', 'latest', '--to', all)).toMatchObject({ code: 0 });
    expect(contents(join(all, box.source))).toEqual(contents(box.source));
    expect(await box.elsewhere(box.code, 'points', 'verify', 'latest')).toMatchObject({ code: 0 });
    expect(await box.elsewhere(box.code, 'key', 'check')).toMatchObject({ code: 0 });
    // What was attested from there is believed there.
    expect((await box.elsewhere(box.code, 'points', 'list')).json.points).toMatchObject([{ id, trust: 'read-back' }]);
  });

  test('without the code, or with a wrong one, it gets nothing', async () => {
    await using box = await stored();
    for (const code of [undefined, anotherCode()]) {
      const to = join(box.base, `to-${code}`);
      const { code: status, stdout } = await box.elsewhere(code, 'restore', 'latest', '--to', to);
      expect(status).toBe(1);
      expect(stdout).toMatch(/no-key|untrusted/);
      expect(existsSync(to)).toBe(false);
    }
  });

  test('is told the names when the repository holds several hosts', async () => {
    await using box = await stored();
    mkdirSync(join(box.repository, 'lifeboat/web2/keys'), { recursive: true });
    writeFileSync(join(box.repository, 'lifeboat/web2/keys/x.age'), 'x');
    const several = await box.elsewhere(box.code, 'points', 'list');
    expect(several).toMatchObject({ code: 2, json: { error: { hint: expect.stringContaining('box, web2') } } });
    expect(await box.elsewhere(box.code, '--host', 'box', 'points', 'list')).toMatchObject({ code: 0 });
    expect(await box.ask('--host', 'web2', 'points', 'list')).toMatchObject({ code: 2 });
  });

  test('does not back up: what would it include?', async () => {
    await using box = await keyedSandbox();
    expect(await box.elsewhere(box.code, 'backup')).toMatchObject({ code: 2, json: { error: { code: 'usage' } } });
  });
});

describe.concurrent('the host key', () => {
  test('is lost: the code stands in for it, and makes a new one that opens everything', async () => {
    await using box = await stored();
    const [id] = pointsOf(box).listed;
    rmSync(box.keyFile);
    expect(await box.ask('points', 'list')).toMatchObject({ code: 1, json: { error: { code: 'not-found' } } });
    expect((await box.withCode(box.code, 'points', 'list')).json.points).toMatchObject([{ id }]);
    expect(await box.withCode(anotherCode(), 'key', 'rotate', '--host-key')).toMatchObject({ code: 1 });
    expect(await box.withCode(box.code, 'key', 'rotate', '--host-key')).toMatchObject({ code: 0 });
    expect(await box.ask('backup')).toMatchObject({ code: 0 });
    expect((await box.ask('points', 'list')).json.points).toHaveLength(2);
    expect(await box.ask('points', 'verify', id ?? '')).toMatchObject({ code: 0 });
  });

  test('that others can read is refused', async () => {
    await using box = await keyedSandbox();
    chmodSync(box.keyFile, 0o640);
    const refused = await box.ask('points', 'list');
    expect(refused).toMatchObject({ code: 1, json: { error: { code: 'untrusted' } } });
    expect(refused.json.error?.hint).toContain('chmod 600');
  });

  test('of a host that was renamed stops the backup, with both ways out', async () => {
    await using box = await keyedSandbox();
    writeFileSync(box.config, readFileSync(box.config, 'utf8').replace('host: box', 'host: crate'));
    const stopped = await box.ask('backup');
    expect(stopped).toMatchObject({ code: 2, json: { error: { code: 'config-invalid' } } });
    expect(stopped.json.error?.hint).toContain('host: box');
  });

  test('write-only: the host stores and cannot read, the code reads', async () => {
    await using box = await keyedSandbox('--write-only');
    expect(await box.withCode(box.code, 'key', 'check')).toMatchObject({ code: 0 });
    const made = await box.ask('backup');
    expect(made, made.stdout).toMatchObject({ code: expect.toBeOneOf([0, 4]) });
    const [id] = pointsOf(box).listed;
    expect(await box.ask('restore', id ?? '', '--to', join(box.base, 'no'))).toMatchObject({ code: 1 });
    expect(await box.ask('key', 'show', '--age')).toMatchObject({ code: 2, json: { error: { code: 'unsupported' } } });
    const to = join(box.base, 'to');
    expect(await box.elsewhere(box.code, 'restore', 'latest', '--to', to)).toMatchObject({ code: 0 });
    expect(contents(join(to, box.source))).toEqual(contents(box.source));
  });
});

describe.concurrent('rotation', () => {
  test('of a write-only host: a key record that is lost is put back, or else the new code is not called right', async () => {
    await using box = await storedWriteOnly();
    const [older = ''] = pointsOf(box).listed;
    const next = newCodeIn(await box.withCode(box.code, 'key', 'rotate'));
    const records = join(box.repository, 'lifeboat/box/keys');
    const newest = readdirSync(records).sort().at(-1) ?? '';
    rmSync(join(records, newest));
    const backup = await box.ask('backup');
    expect(backup.code).toBe(4);
    expect(JSON.stringify(backup.json.run?.findings)).toContain('is put back');
    expect(await box.elsewhere(next, 'points', 'verify', older)).toMatchObject({ code: 0 });
    rmSync(join(records, newest));
    expect(await box.withCode(next, 'key', 'check')).toMatchObject({ code: 0, json: { keyRecord: 'opened' } });
    rmSync(join(records, newest));
    rmSync(join(box.state, 'keys'), { recursive: true });
    const lost = await box.withCode(next, 'key', 'check');
    expect(lost).toMatchObject({
      code: 1,
      json: { error: { code: 'no-key', hint: expect.stringContaining('before') } },
    });
    const last = newCodeIn(await box.withCode(box.code, 'key', 'rotate'));
    expect(await box.elsewhere(last, 'points', 'verify', older)).toMatchObject({ code: 0 });
  });

  test('while somebody else changes the key is refused; a code that nobody could read is told', async () => {
    await using box = await keyedSandbox();
    const key = readFileSync(box.keyFile, 'utf8');
    const lock = await lockFile(`${box.keyFile}.lock`);
    expect(await box.ask('key', 'rotate')).toMatchObject({ json: { error: { code: 'locked' } } });
    expect(await box.withCode(box.code, 'key', 'check')).toMatchObject({ json: { error: { code: 'locked' } } });
    await lock?.[Symbol.asyncDispose]();
    // A run that is under way signs with the old key.
    const runs = join(box.repository, 'lifeboat/box/lock');
    const holder = {
      format: 'lifeboat.lock/1',
      id: 'x',
      host: 'far',
      pid: 1,
      processStart: 1,
      run: 'r',
      since: '2026-11-20T01:02:03Z',
    };
    writeFileSync(runs, JSON.stringify(holder));
    expect(await box.ask('key', 'rotate')).toMatchObject({ json: { error: { code: 'locked' } } });
    rmSync(runs);
    expect(readFileSync(box.keyFile, 'utf8')).toBe(key);
    const lifeboat = [process.execPath, join(import.meta.dirname, '../../bin/lifeboat.js'), '--config', box.config];
    const shell = ['sh', '-c', 'exec "$@" > /dev/full', 'sh', ...lifeboat, '--state-dir', box.state, 'key', 'rotate'];
    const full = spawnSync('env', shell, { encoding: 'utf8' });
    expect(full).toMatchObject({ status: 1, stderr: expect.stringContaining('replace it with lifeboat key rotate') });
    expect(readFileSync(box.keyFile, 'utf8')).not.toBe(key);
  });

  test('an older code opens nothing newer, also after a further rotation, and signs nothing newer', async () => {
    await using box = await keyedSandbox();
    const second = newCodeIn(await box.ask('key', 'rotate'));
    const stolen = readFileSync(box.keyFile);
    const third = newCodeIn(await box.ask('key', 'rotate'));
    await box.ask('backup');
    const [newer = ''] = pointsOf(box).listed;
    for (const code of [box.code, second])
      expect(await box.elsewhere(code, 'restore', newer, '--to', join(box.base, 'no'))).toMatchObject({ code: 1 });
    expect(await box.elsewhere(third, 'points', 'verify', newer)).toMatchObject({ code: 0 });
    // Who copied the key of then makes a point with it now.
    const current = readFileSync(box.keyFile);
    writeFileSync(box.keyFile, stolen);
    await box.ask('backup');
    writeFileSync(box.keyFile, current);
    for (const listed of [await box.ask('points', 'list'), await box.elsewhere(third, 'points', 'list')]) {
      expect(listed.code).toBe(4);
      expect(listed.json.points).toMatchObject([{ id: newer }]);
      expect(listed.stdout).toContain('had been replaced');
    }
  });

  test('a new code opens what is older and what is newer; the old one only what is older', async () => {
    await using box = await stored();
    const [older = ''] = pointsOf(box).listed;
    const next = newCodeIn(await box.ask('key', 'rotate'));
    expect(next).not.toBe(box.code);
    expect(await box.withCode(box.code, 'key', 'check')).toMatchObject({
      code: 1,
      json: { error: { message: expect.stringContaining('replaced') } },
    });
    // The new one was not proven, whatever the old one was.
    expect(await box.ask('backup')).toMatchObject({ code: 4 });
    expect(await box.withCode(next, 'key', 'check')).toMatchObject({ code: 0 });
    const newer = pointsOf(box).listed.find((id) => id !== older) ?? '';
    for (const id of [older, newer]) {
      const to = join(box.base, `to-${id}`);
      expect(await box.elsewhere(next, 'restore', id, '--to', to), id).toMatchObject({ code: 0 });
      expect(await box.ask('points', 'verify', id)).toMatchObject({ code: 0 });
    }
    const old = await box.elsewhere(box.code, 'points', 'list');
    expect(old.json.points).toMatchObject([{ id: older }]);
    expect(await box.elsewhere(box.code, 'restore', newer, '--to', join(box.base, 'no'))).toMatchObject({ code: 1 });
  });

  test('twice, of the code and of the host key: the last code opens all', async () => {
    await using box = await stored();
    const second = newCodeIn(await box.ask('key', 'rotate'));
    await box.ask('backup');
    expect(await box.withCode(second, 'key', 'rotate', '--host-key')).toMatchObject({ code: 0 });
    await box.ask('backup');
    const third = newCodeIn(await box.ask('key', 'rotate'));
    const ids = pointsOf(box).listed;
    expect(ids).toHaveLength(3);
    for (const id of ids) {
      expect(await box.elsewhere(third, 'points', 'verify', id), id).toMatchObject({ code: 0 });
      expect(await box.ask('points', 'verify', id), id).toMatchObject({ code: 0 });
    }
  });

  test('that the repository does not take leaves the old code in force; so does a dry run', async () => {
    await using box = await keyedSandbox();
    const key = readFileSync(box.keyFile, 'utf8');
    const dry = await box.ask('--dry-run', 'key', 'rotate');
    expect(dry).toMatchObject({ code: 0, json: { dryRun: true } });
    expect(dry.stdout).not.toContain('recovery"');
    const records = join(box.repository, 'lifeboat/box/keys');
    renameSync(records, `${records}.away`);
    writeFileSync(records, 'in the way');
    expect((await box.ask('key', 'rotate')).code).not.toBe(0);
    rmSync(records);
    renameSync(`${records}.away`, records);
    expect(readFileSync(box.keyFile, 'utf8')).toBe(key);
    expect(await box.withCode(box.code, 'key', 'check')).toMatchObject({ code: 0, json: { otherKeyRecords: 0 } });
  });

  test('of a write-only host needs the old code', async () => {
    await using box = await storedWriteOnly();
    const [older = ''] = pointsOf(box).listed;
    expect(await box.ask('key', 'rotate')).toMatchObject({ code: 2 });
    expect(await box.withCode(anotherCode(), 'key', 'rotate')).toMatchObject({ code: 1 });
    const next = newCodeIn(await box.withCode(box.code, 'key', 'rotate'));
    expect(readFileSync(box.keyFile, 'utf8')).not.toContain('AGE-SECRET-KEY');
    expect(await box.elsewhere(next, 'points', 'verify', older)).toMatchObject({ code: 0 });
  });
});
