/** `container checkpoint` and `container restore` as a person types them, where nothing runs that they could be of. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sandbox } from '../helpers/cli.ts';

test.each([
  ['checkpoint', /--output <file>[^]*--leave-running[^]*passwords and keys[^]*Examples:[^]*5 {2}refused/],
  ['checkpoints', /in the repository[^]*Examples:/],
  ['forget', /cannot be restored any\s+more[^]*Examples:[^]*5 {2}refused/],
  ['restore', /--name <name>[^]*--unsigned[^]*Before anything is made[^]*Examples:[^]*5 {2}refused/],
])('the help of %s says what it does, with examples and exit statuses', async (verb, words) => {
  const box = await sandbox();
  const { code, stdout } = await box.run('container', verb, '--help');
  expect(code).toBe(0);
  expect(stdout).toMatch(words);
});

test.each([
  [['forget'], /missing required argument/],
  [['checkpoint', 'web', '--output', 'a.tar', '--tcp=perhaps'], /keep or close/],
  [['checkpoint', 'web', '--output', 'a.tar', '--pre-dump', 'many'], /number of passes/],
  [['restore', 'a.tar', '--tcp=perhaps'], /keep or close/],
])('%s is wrong usage', async (args, words) => {
  const box = await sandbox();
  const { code, stderr } = await box.run('container', ...args);
  expect(stderr).toMatch(words);
  expect(code).toBe(2);
});

test('a file that is no checkpoint, and one that is not there', async () => {
  const box = await sandbox();
  const file = join(box.base, 'nothing.tar');
  expect((await box.ask('container', 'restore', file)).json.error?.code).toBe('not-found');
  writeFileSync(file, 'not a tar');
  expect((await box.ask('container', 'restore', file)).json.error?.code).toBe('archive-damaged');
});
