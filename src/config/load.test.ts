import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LifeboatError } from '../kernel/errors.ts';
import { loadConfig, parseConfig } from './load.ts';

const good = 'repository: file:///mnt/backup\nbackup:\n  include: [/etc]\n';

function failureOf(text: string): LifeboatError {
  try {
    parseConfig(text, 'c.yaml');
  } catch (error) {
    if (error instanceof LifeboatError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

test('fills in what is left out, and is plain JSON', () => {
  const config = parseConfig(good, 'c.yaml');
  expect(config).toMatchObject({
    repository: 'file:///mnt/backup',
    engine: 'tar',
    backup: { include: ['/etc'], exclude: [], compressionLevel: 3 },
    skip: [],
    limits: {},
    retries: {},
  });
  expect(JSON.parse(JSON.stringify(config))).toEqual(config);
});

test('takes every key', () => {
  const text = `${good}  exclude: ['*.tmp']\n  compressionLevel: 19\nengine: tar\nhost: web-1.example\nskip: [capture-network]\nlimits: {rotate-token: 90s}\nretries: {store-files: 10}\n`;
  expect(parseConfig(text, 'c.yaml')).toMatchObject({
    host: 'web-1.example',
    skip: ['capture-network'],
    limits: { 'rotate-token': '90s' },
    retries: { 'store-files': 10 },
    backup: { exclude: ['*.tmp'], compressionLevel: 19 },
  });
});

test.each<[string, string, readonly string[]]>([
  ['empty', '', ['c.yaml:1: the file is empty']],
  ['a comment only', '# nothing\n', ['c.yaml:1: the file is empty']],
  ['text', 'hello\n', ['c.yaml:1: is not a group of keys']],
  ['nothing', '{}\n', ['c.yaml:1: repository: is missing', 'c.yaml:1: backup: is missing']],
  ['a missing key below', 'repository: /mnt\nbackup: {}\n', ['c.yaml:2: backup.include: is missing']],
  ['no value', `${good}skip:\n`, ['c.yaml:4: skip: is not a list']],
  ['a typo', `${good}  exlude: []\n`, ['c.yaml:4: backup.exlude: unknown key; did you mean exclude?']],
  ['another typo', `${good}engnie: tar\n`, ['c.yaml:4: engnie: unknown key; did you mean engine?']],
  ['a key elsewhere', `${good}exclude: []\n`, ['c.yaml:4: exclude: unknown key; it belongs under backup:']],
  [
    'a strange key',
    `${good}  colour: red\n`,
    [
      'c.yaml:4: backup.colour: unknown key; known here are include, exclude, excludeCaches, maxFileSize, crossMounts, containerData, containerImages, incremental, fullEvery, compare, compressionLevel',
    ],
  ],
  [
    'an item of a list',
    'repository: /mnt\nbackup:\n  include:\n    - /etc\n    - var\n',
    ['c.yaml:5: backup.include[1]: is not an absolute path (it begins with /)'],
  ],
  [
    'nothing to back up',
    'repository: /mnt\nbackup: {include: []}',
    ['c.yaml:2: backup.include: names no path, so nothing would be backed up'],
  ],
  ['a wrong type', `${good}  compressionLevel: high\n`, ['c.yaml:4: backup.compressionLevel: is not a whole number']],
  ['a fraction', `${good}  compressionLevel: 1.5\n`, ['c.yaml:4: backup.compressionLevel: is not a whole number']],
  ['too much', `${good}  compressionLevel: 20\n`, ['c.yaml:4: backup.compressionLevel: is above 19, the smallest']],
  [
    'a host',
    `${good}host: .a/b\n`,
    ['c.yaml:4: host: is not a name for a host: letters, digits, dot, - and _, not beginning with a dot'],
  ],
  [
    'a host with the name under which checkpoints are kept',
    `${good}host: box__checkpoints\n`,
    ['c.yaml:4: host: ends in __checkpoints, where checkpoints of containers are kept'],
  ],
  ['an engine', `${good}engine: rsync\n`, ['c.yaml:4: engine: is not an engine; known is tar']],
  [
    'a time',
    `${good}limits:\n  a: 1h\n  b: soon\n`,
    ['c.yaml:6: limits.b: is not a duration: write 90s, 15m, 2h or 1d'],
  ],
  ['a count', `${good}retries: {a: 11}\n`, ['c.yaml:4: retries.a: is above 10']],
  [
    'a relative repository',
    good.replace('file:///mnt/backup', 'backup'),
    ['c.yaml:1: repository: is not the URL of a repository, such as file:///mnt/backup'],
  ],
  [
    'several problems, by line',
    'engine: zip\nrepository: 5\nbackup:\n  includ: [/etc]\n',
    [
      'c.yaml:1: engine: is not an engine; known is tar',
      'c.yaml:2: repository: is not text',
      'c.yaml:3: backup.include: is missing',
      'c.yaml:4: backup.includ: unknown key; did you mean include?',
    ],
  ],
  ['a duplicate', `${good}engine: tar\nengine: tar\n`, ['c.yaml:5: engine: is there a second time']],
  ['two documents', `${good}---\n${good}`, ['c.yaml:4: a second document begins here, and the file holds one']],
])('refuses %s', (_, text, expected) => {
  const failure = failureOf(text);
  expect(failure.code).toBe('config-invalid');
  expect(failure.message.split('\n')).toEqual(expected);
});

test.each<[string, number]>([
  [`${good}engine: [tar\n`, 4],
  [`${good}   bad: indent\n`, 4],
  [`${good}engine: "tar\n`, 4],
  [`${good}engine: !odd tar\n`, 4],
  ['\tengine: tar\n', 1],
])('names the line of a syntax error in %j', (text, line) => {
  expect(failureOf(text).message).toMatch(new RegExp(`^c\\.yaml:[${line}-${line + 1}]: not valid YAML: `));
});

test.each([
  `${good}password: hunter2secret\n`,
  `${good}  apiKey: hunter2secret\n`,
  `${good}engine: {s3_secret_access_key: hunter2secret}\n`,
  `${good}token: *hunter2secret\n`,
  `${good}password: hunter2secret\npassword: hunter2secret\n`,
  good.replace('file:///mnt', 'sftp://me:hunter2secret@host/mnt'),
  good.replace('file:///mnt', 'sftp://me:hunter2secret/@host/mnt'),
  good.replace('file:///mnt', 's3://bucket/?access_key=hunter2secret'),
])('says where secrets belong, and does not repeat the one in %j', (text) => {
  const failure = failureOf(text);
  expect(failure.message).toMatch(/no secret belongs in this file/);
  expect(failure.hint).toMatch(/only root can read.*environment variable.*systemd credential/);
  expect(JSON.stringify([failure.message, failure.hint, failure.stack])).not.toContain('hunter2secret');
});

test('reads a file, and says what to do when there is none', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lifeboat-config-'));
  try {
    await writeFile(join(directory, 'a.yaml'), good);
    expect((await loadConfig(join(directory, 'a.yaml'))).repository).toBe('file:///mnt/backup');
    await expect(loadConfig(join(directory, 'b.yaml'))).rejects.toMatchObject({
      code: 'config-invalid',
      hint: expect.stringContaining('lifeboat init'),
    });
  } finally {
    await rm(directory, { recursive: true });
  }
});
