import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sandbox, script } from '../helpers/cli.ts';

const canary = 'CANARY-4711-not-to-be-seen';

/** Every file of a bundle, unpacked by tar. */
function unpacked(bundle: string, to: string): Map<string, string> {
  mkdirSync(to);
  execFileSync('tar', ['-xzf', bundle, '-C', to]);
  const found = readdirSync(to, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    found.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path.slice(to.length + 1).replace(/^[^/]+\//, ''), readFileSync(path, 'utf8')];
    }),
  );
}

test('a bundle holds what a report needs, unpacks with tar, and no secret is in it', async () => {
  const at = await sandbox();
  onTestFinished(() => at[Symbol.asyncDispose]());
  at.configure(
    `rpo: 26h\nnotify: { webhook: "https://${canary}@hooks.example.org?${canary}/x" }\nschedule:\n  backup: { cron: "@daily" }\n`,
  );
  mkdirSync(join(at.base, 'etc/secrets'));
  writeFileSync(join(at.base, 'etc/secrets/webhook-url'), `https://hooks.example.org/${canary}2/x\n`, { mode: 0o600 });
  // One that gives a secret away in what it prints, which goes to the journal of the run.
  script(
    join(at.base, 'etc/hooks.d/backup/store.after.d/10-leak'),
    `cat ${at.base}/etc/secrets/webhook-url >&2; echo "mysql://root:${canary}3@db/x" >&2
echo "PGPASSWORD=${canary}4 psql https://api.example/v1?token=${canary}5&x=1 'Authorization: Bearer ${canary}6'" >&2; exit 1`,
  );
  expect((await at.run('backup')).code).toBe(1);
  const path = join(at.base, 'report.tar.gz');
  const first = await at.run('doctor', '--bundle', path);
  expect(first.stdout).toContain('captures/layout.json');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const files = unpacked(path, join(at.base, 'unpacked'));
  const names = [...files.keys()];
  const run = names.find((name) => name.endsWith('journal.ndjson')) ?? '';
  expect(run).toMatch(/^runs\/\d{8}T\d{6}Z-[0-9a-f]{6}\/journal.ndjson$/);
  expect(names).toEqual(
    expect.arrayContaining([
      'versions.json',
      'doctor.json',
      'status.json',
      'config.yaml',
      'runs.json',
      'captures/network.json',
      'captures/facts.json',
      run.replace('journal', 'log'),
    ]),
  );
  expect(JSON.parse(files.get('versions.json') ?? '')).toMatchObject({
    lifeboat: expect.any(String),
    node: process.version,
    tar: expect.stringContaining('tar'),
  });
  expect(JSON.parse(files.get('status.json') ?? '')).toMatchObject({ format: 'lifeboat.status/1', green: false });
  expect(files.get('config.yaml')).toContain('https://hooks.example.org/[redacted]');
  expect(files.get(run)).toContain('hook-failed');
  for (const [name, text] of files) expect(text.includes(canary), name).toBe(false);
  // The secret was there to be found.
  expect(readFileSync(join(at.state, run), 'utf8')).toContain(`${canary}2`);
  const again = await at.run('doctor', '--bundle', path);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is there already') });
});

test('a configuration that cannot be read is not in the bundle, which is made all the same', async () => {
  const at = await sandbox();
  onTestFinished(() => at[Symbol.asyncDispose]());
  at.configure(`password: ${canary}\n# ${canary}\n`);
  const path = join(at.base, 'report.tgz');
  const { json } = await at.ask('doctor', '--bundle', path);
  expect(json['bundle']).toMatchObject({ path });
  const files = unpacked(path, join(at.base, 'unpacked'));
  expect(files.get('config.error.txt')).toContain('no secret belongs in this file');
  for (const [name, text] of files) expect(text.includes(canary), name).toBe(false);
  await at.run('doctor', '--bundle', '/nonexistent/x.tar.gz');
  expect(existsSync('/nonexistent')).toBe(false);
});
