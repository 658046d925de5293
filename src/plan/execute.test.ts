import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { localHost } from '../host/local.ts';
import { type Action, actionSchema, commandText } from './action.ts';
import { execute, type Execution } from './execute.ts';

const { signal } = new AbortController();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lifeboat-execute-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

const append = (word: string): Action['commands'][number] => ({
  argv: ['sh', '-c', `cat > /dev/null; echo ${word} >> "$1"`, 'sh', { device: 'disk:A' }],
});

function action(id: string, more: Partial<Action> = {}): Action {
  return actionSchema.parse({
    id,
    title: `do ${id}`,
    component: id,
    writes: ['disk:A'],
    commands: [append(id)],
    ...more,
  });
}

/** What earlier attempts left behind, and what this one adds to it. */
function executed(begun: readonly string[] = [], ended: readonly string[] = []) {
  const record: string[] = [];
  const execution: Execution = {
    host: localHost(),
    progress: {
      begun: new Set(begun),
      ended: new Set(ended),
      begin: async (id) => void record.push(`begin ${id}`),
      end: async (id) => void record.push(`end ${id}`),
    },
    path: async (id) => join(directory, id.replace('disk:', '')),
    given: async (name) => Buffer.from(`given ${name}\n`),
    say: ({ title }) => void record.push(title),
  };
  return { record, execution };
}

const written = async (): Promise<string> => await readFile(join(directory, 'A'), 'utf8');

test('actions in their order, each on record before and after', async () => {
  const { record, execution } = executed();
  await execute([action('one'), action('two')], execution, signal);
  expect(await written()).toBe('one\ntwo\n');
  expect(record).toEqual(['do one', 'begin one', 'end one', 'do two', 'begin two', 'end two']);
});

test('what ended is not done again; what was cut off is undone first', async () => {
  const { record, execution } = executed(['one', 'two'], ['one']);
  const two = action('two', { again: [append('undo')] });
  await execute([action('one'), two, action('three', { again: [append('never')] })], execution, signal);
  expect(await written()).toBe('undo\ntwo\nthree\n');
  expect(record).toEqual(['do two', 'begin two', 'end two', 'do three', 'begin three', 'end three']);
});

test('one that fails is named, is not on record as ended, and ends all', async () => {
  const { record, execution } = executed();
  const fails = action('fails', { commands: [{ argv: ['false'] }] });
  await expect(execute([fails, action('later')], execution, signal)).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringMatching(/^do fails: /),
  });
  expect(record).toEqual(['do fails', 'begin fails']);
});

test('text and what is given reach a command by its input, and other statuses may be as good as 0', async () => {
  const { execution } = executed();
  const copy = (stdin: Action['commands'][number]['stdin']): Action['commands'][number] => ({
    argv: ['sh', '-c', 'cat >> "$1"; exit 3', 'sh', { device: 'disk:A' }],
    okCodes: [3],
    ...(stdin === undefined ? {} : { stdin }),
  });
  await execute([action('all', { commands: [copy('text\n'), copy({ given: 'key' })] })], execution, signal);
  expect(await written()).toBe('text\ngiven key\n');
});

test('a command as a person reads it', () => {
  const command = {
    argv: ['dd', { device: 'disk:A', before: 'of=' }, 'a b', "it's"],
  } satisfies Action['commands'][number];
  expect(commandText(command, (id) => `<${id}>`)).toBe(`dd 'of=<disk:A>' 'a b' 'it'\\''s'`);
});
