/** `lifeboat target test` against storage that is good, that cannot do all, and that is not there. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startLifeboat } from '../helpers/cli.ts';
import { sftpPlace } from '../helpers/sftp-place.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const run = (...args: string[]) => startLifeboat(args).ended;

test.concurrent('a directory passes, and nothing stays in it', async () => {
  await using directory = await temporaryDirectory();
  const place = join(directory.path, 'storage');
  await mkdir(place);
  const { code, stdout } = await run('target', 'test', place);
  expect(stdout).toMatch(/exclusivePut +true/);
  expect(stdout).toMatch(/passed +lists each of a thousand objects once/);
  expect(stdout).toMatch(/\d\d passed, 0 failed, 0 skipped/);
  expect(code).toBe(0);
  const left = await readdir(place, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile())).toEqual([]);
});

test.concurrent('a place that is not there is an error', async () => {
  expect(await run('target', 'test', '/nowhere/at/all')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is no directory'),
  });
});

test.skipIf(process.geteuid?.() !== 0)('an SFTP server says what it cannot do (needs root)', async () => {
  await using place = await sftpPlace(() => ({ sftp: 'internal-sftp -P posix-rename,hardlink,limits,statvfs,fsync' }));
  const config = join(place.knownHosts, '../lifeboat.yaml');
  const ssh = { identityFile: place.sshd.privateKeyPath, knownHosts: place.knownHosts };
  await writeFile(config, JSON.stringify({ repository: place.url(), backup: { include: ['/etc'] }, ssh }));
  const { code, json } = await run('--json', '--config', config, 'target', 'test', place.url());
  expect(json).toMatchObject({
    format: 'lifeboat.target-test/1',
    traits: { atomicPut: false, exclusivePut: false, ranges: true },
    left: [],
  });
  const { cases }: { cases: { outcome: string; reason?: string }[] } = JSON.parse(JSON.stringify(json));
  expect(cases.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  expect(cases.find(({ outcome }) => outcome === 'skipped')?.reason).toMatch(/cannot/);
  expect(code).toBe(0);
  const unknown = await run('target', 'test', place.url());
  expect(unknown).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/next: Check that fingerprint.*echo '\[127/),
  });
});
