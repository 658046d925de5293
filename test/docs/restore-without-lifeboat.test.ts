/** The document is followed to the letter: its blocks run in one shell, with only its tools in the path. */
import { execFileSync, spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { oracle } from '../conformance/engine.ts';
import { contents, pointsOf, root } from '../helpers/cli.ts';
import { hastenDate } from '../helpers/clock.ts';
import { findAge } from '../helpers/age.ts';
import { giveHeaders, volume } from '../helpers/escrow.ts';
import { type KeyedSandbox, keyedSandbox, provenSandbox } from '../helpers/keyed.ts';

const age = await findAge().then(
  (directory) => ({ directory, reason: '' }),
  (error: Error) => ({ directory: '', reason: error.message }),
);
if (age.reason) console.warn(`skipped: ${age.reason}`);

hastenDate();

/** What a live system has besides the three. */
const basics = [
  'mktemp',
  'cat',
  'ls',
  'mkdir',
  'rm',
  'sha256sum',
  'grep',
  'sed',
  'awk',
  'sort',
  'base64',
  'dd',
  'truncate',
];

function toolsOnly(box: KeyedSandbox): string {
  const path = join(box.base, 'tools');
  mkdirSync(path);
  symlinkSync(join(age.directory, 'age'), join(path, 'age'));
  for (const tool of ['zstd', 'tar', ...basics]) {
    symlinkSync(execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), join(path, tool));
  }
  return path;
}

function blocks(file: string, language: string): string[] {
  const text = readFileSync(join(root, 'docs', file), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');
}

/** Each of the examples that the document tells to replace must be in it. */
function replaced(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((text, [example, value]) => {
    expect(text).toContain(example);
    return text.replaceAll(example, value);
  }, text);
}

/** The directory that the blocks made. */
function workOf(box: KeyedSandbox): string {
  return join(box.base, readdirSync(box.base).find((name) => name.startsWith('work.')) ?? 'none');
}

test.skipIf(age.directory === '')('docs/restore-without-lifeboat.md brings back everything', async () => {
  await using box = await provenSandbox();
  expect(await box.ask('backup')).toMatchObject({ code: 0 });
  const [point = ''] = pointsOf(box).listed;
  const script = replaced(blocks('restore-without-lifeboat.md', 'sh').join('\n'), {
    '/mnt/backup': box.repository,
    web1: 'box',
    '/dev/shm/recovery-key': join(box.base, 'recovery-key'),
    'AGE-SECRET-KEY-1EXAMPLE': box.ageIdentity,
    '20261121T020000Z-0a1b2c': point,
    '/tmp/recovery.': join(box.base, 'work.'),
    'etc/hosts': join(box.source, 'etc/hosts').slice(1),
  });
  const ended = spawnSync('/bin/bash', ['--norc', '-e', '-c', script], {
    encoding: 'utf8',
    env: { PATH: toolsOnly(box) },
  });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toContain(`${point}.age`);
  expect(ended.stdout).toContain('"bases":[]');
  expect(ended.stdout).toMatch(/^complete$/m);
  const hash = /^([0-9a-f]{64}) /m.exec(ended.stdout)?.[1] ?? 'no hash';
  expect(ended.stdout).toContain(`"sha256":"${hash}"`);
  const work = workOf(box);
  // What lies there belongs to whoever restores, whatever others left under names that can be foretold.
  expect(statSync(work).mode & 0o777).toBe(0o700);
  expect(Object.keys(contents(join(work, 'restored', box.source)))).toEqual(['etc', 'etc/hosts']);
  expect(contents(join(work, 'everything', box.source))).toEqual(contents(box.source));
  expect(JSON.parse(readFileSync(join(work, 'captures.json'), 'utf8').split('\n')[0] ?? '')).toHaveProperty('layout');
  expect(readFileSync(join(work, 'manifest.full'), 'utf8')).toContain('lifeboat.manifest');
  expect(readdirSync(box.base).filter((name) => name.startsWith('recovery-key'))).toEqual([]);
});

test.skipIf(age.directory === '')('its section on chains brings back a point that builds upon others', async () => {
  await using box = await provenSandbox();
  const odd = [
    'quo"te',
    'back\\slash',
    'two\\\\ul',
    'new\nline',
    'tab\t',
    '\u001b[31m',
    'ü €',
    ' lead',
    '-dash',
    '\\udcff',
    'line\u0001',
  ];
  for (const name of [...odd, 'gone']) writeFileSync(join(box.source, name), `first ${name}`);
  writeFileSync(Buffer.concat([Buffer.from(`${box.source}/`), Buffer.of(0xff, 0xfe)]), 'no text');
  linkSync(join(box.source, ' lead'), join(box.source, 'second name'));
  mkdirSync(join(box.source, 'directory'));
  for (const name of ['kept', 'changed']) writeFileSync(join(box.source, 'directory', name), name);
  expect(await box.ask('backup')).toMatchObject({ code: 0 });
  rmSync(join(box.source, 'gone'));
  writeFileSync(join(box.source, 'directory', 'changed'), 'is another');
  writeFileSync(join(box.source, 'tab\t'), 'is another');
  expect(await box.ask('backup')).toMatchObject({ code: 0 });
  const points = pointsOf(box).listed;
  expect(points).toHaveLength(2);
  const script = replaced(blocks('restore-without-lifeboat.md', 'sh').join('\n'), {
    '/mnt/backup': box.repository,
    web1: 'box',
    '/dev/shm/recovery-key': join(box.base, 'recovery-key'),
    'AGE-SECRET-KEY-1EXAMPLE': box.ageIdentity,
    '20261121T020000Z-0a1b2c': points.toSorted().at(-1) ?? '',
    '/tmp/recovery.': join(box.base, 'work.'),
    'etc/hosts': join(box.source, 'directory/changed').slice(1),
  });
  const ended = spawnSync('/bin/bash', ['--norc', '-e', '-c', script], {
    encoding: 'utf8',
    env: { PATH: toolsOnly(box) },
  });
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toMatch(/"bases":\[\{/);
  expect(ended.stdout).toMatch(/^chain complete$/m);
  expect(oracle(join(workOf(box), 'chain', box.source))).toEqual(oracle(box.source));
});

/** The section on LUKS, in a shell that goes on after what fails, as a person's does. */
function luksSection(box: KeyedSandbox, point: string) {
  const [begin = ''] = blocks('restore-without-lifeboat.md', 'sh');
  const text = [begin, 'POINT=20261121T020000Z-0a1b2c', ...blocks('restore-without-lifeboat.md', 'bash')].join('\n');
  const script = replaced(text, {
    '/mnt/backup': box.repository,
    web1: 'box',
    '/dev/shm/': `${box.base}/`,
    'AGE-SECRET-KEY-1EXAMPLE': box.ageIdentity,
    '20261121T020000Z-0a1b2c': point,
    '/tmp/recovery.': join(box.base, 'work.'),
    '0b0f1a4e-0300-4000-8000-000000000004': volume,
  });
  const ended = spawnSync('/bin/bash', ['--norc', '-c', script], { encoding: 'utf8', env: { PATH: toolsOnly(box) } });
  return { ended, files: readdirSync(box.base).filter((one) => one.startsWith('luks-header.')) };
}

test.skipIf(age.directory === '')('its section on LUKS gives the header that the command gives', async () => {
  await using box = await provenSandbox();
  expect(await box.ask('backup')).toMatchObject({ code: 0 });
  const [point = ''] = pointsOf(box).listed;
  const image = await giveHeaders(box, point);
  const { ended, files } = luksSection(box, point);
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  expect(ended.stdout).toMatch(/^header complete$/m);
  expect(files).toHaveLength(1);
  const file = join(box.base, files[0] ?? '');
  expect(readFileSync(file).equals(image)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.skipIf(age.directory === '').for(['cut off', 'another one'])(
  'its section on LUKS calls no header complete that is %s',
  async (how) => {
    await using box = await provenSandbox();
    expect(await box.ask('backup')).toMatchObject({ code: 0 });
    const [point = ''] = pointsOf(box).listed;
    await giveHeaders(box, point);
    const object = join(box.repository, `lifeboat/box/escrow/${point}.age`);
    const record = join(box.repository, `lifeboat/box/points/${point}.age`);
    if (how === 'cut off') writeFileSync(object, readFileSync(object).subarray(0, 200_000));
    else {
      const before = readFileSync(record);
      rmSync(object);
      await giveHeaders(box, point);
      writeFileSync(record, before);
    }
    const { ended } = luksSection(box, point);
    expect(ended.stdout).not.toMatch(/^header complete$/m);
    expect(ended.stderr).not.toBe('');
  },
);

test('the script of docs/keys.md derives what the sheet says', async () => {
  await using box = await keyedSandbox();
  const [script = ''] = blocks('keys.md', 'python');
  const derived = (code: string) => spawnSync('python3', ['-c', script], { input: code, encoding: 'utf8' });
  const shown = await box.withCode(box.code, 'key', 'show', '--code', '--age', '--restic');
  const { age, restic }: { age: string; restic: string } = JSON.parse(shown.stdout);
  expect(age).toBe(box.ageIdentity);
  expect(derived(`${box.code.toLowerCase()}\n`)).toMatchObject({ status: 0, stdout: `${age}\n${restic}\n` });
  expect(derived(box.code.slice(1)).status).not.toBe(0);
});
