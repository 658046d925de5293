import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Host } from '../host/host.ts';
import { LifeboatError } from '../kernel/errors.ts';
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
    locate: async () => async (id) => join(directory, id.replace('disk:', '')),
    check: async (disk) => void record.push(`check ${disk}`),
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
  expect(record).toEqual(['check disk:A', 'do one', 'begin one', 'end one', 'do two', 'begin two', 'end two']);
});

test('what ended is not done again; what was cut off is undone first', async () => {
  const { record, execution } = executed(['one', 'two'], ['one']);
  const two = action('two', { again: [append('undo')] });
  await execute([action('one'), two, action('three', { again: [append('never')] })], execution, signal);
  expect(await written()).toBe('undo\ntwo\nthree\n');
  expect(record).toEqual(['check disk:A', 'do two', 'begin two', 'end two', 'do three', 'begin three', 'end three']);
});

test('one that fails is named with its disks and what to do, is not on record as ended, and ends all', async () => {
  const { record, execution } = executed();
  const fails = action('fails', { commands: [{ argv: ['sh', '-c', 'echo no such luck >&2; exit 7'] }] });
  await expect(execute([fails, action('later')], execution, signal)).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringMatching(/^do fails \(on disk:A\): .* failed with exit code 7:\n {2}no such luck$/),
    hint: expect.stringContaining('give the same command again'),
  });
  expect(record).toEqual(['check disk:A', 'do fails', 'begin fails']);
});

test('a disk that must not be written to is not, and nothing of it is on record', async () => {
  const { record, execution } = executed();
  const refused = {
    ...execution,
    check: async () => await Promise.reject(new LifeboatError('refused', 'not this one')),
  };
  await expect(execute([action('one')], refused, signal)).rejects.toMatchObject({ code: 'refused' });
  expect(record).toEqual([]);
});

test('what cannot be put on record is not done', async () => {
  const { execution } = executed();
  const begin = async () => await Promise.reject(new LifeboatError('no-space', 'full'));
  const full = { ...execution, progress: { ...execution.progress, begin } };
  await expect(execute([action('one')], full, signal)).rejects.toMatchObject({ code: 'no-space' });
  await expect(written()).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a command that hangs has its limit', async () => {
  const { execution } = executed();
  const hangs = action('hangs', { commands: [{ argv: ['sleep', '600'], timeoutMs: 50 }] });
  await expect(execute([hangs], execution, signal)).rejects.toMatchObject({
    code: 'command-timeout',
    message: expect.stringMatching(/^do hangs \(on disk:A\): sleep 600 did not end/),
  });
});

test('what is interrupted ends its command, and goes on with the same action', async () => {
  const { record, execution } = executed();
  const control = new AbortController();
  const sleeps = action('sleeps', { commands: [{ argv: ['sleep', '600'] }] });
  const begin = async (id: string): Promise<void> => {
    record.push(`begin ${id}`);
    control.abort();
  };
  const interrupted = { ...execution, progress: { ...execution.progress, begin } };
  await expect(execute([sleeps, action('later')], interrupted, control.signal)).rejects.toMatchObject({
    code: 'interrupted',
  });
  expect(record).toEqual(['check disk:A', 'do sleeps', 'begin sleeps']);
});

/** Runs nothing: each command ends when it is told to. */
function puppet() {
  const running = new Map<string, PromiseWithResolvers<void>>();
  const host: Host = {
    ...localHost(),
    async run([, id = '']) {
      const ending = Promise.withResolvers<void>();
      running.set(id, ending);
      await ending.promise.finally(() => running.delete(id));
      return { code: 0, stdout: Buffer.alloc(0), stderr: '' };
    },
  };
  return { running, host };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await setImmediate();
};

const disk = fc.constantFrom('disk:A', 'disk:B', 'disk:C', 'disk:D');
const random = fc
  .array(fc.uniqueArray(disk, { maxLength: 3 }), { maxLength: 12 })
  .map((all) => all.map((writes, index) => action(`${index}`, { writes, commands: [{ argv: ['run', `${index}`] }] })));

test('at once is done what has no disk in common, on each disk in order, and all of it; after a failure nothing begins', async () => {
  await fc.assert(
    fc.asyncProperty(random, fc.infiniteStream(fc.nat()), fc.option(fc.nat(11)), async (actions, picks, fatal) => {
      const { running, host } = puppet();
      const { execution } = executed();
      const begun: Action[] = [];
      const working = execute(actions, { ...execution, host, say: (one) => void begun.push(one) }, signal);
      working.catch(() => undefined);
      let isFailed = false;
      for (;;) {
        await turns();
        const now = actions.filter(({ id }) => running.has(id));
        const disks = now.flatMap(({ writes }) => writes);
        expect(new Set(disks).size).toBe(disks.length);
        const one = now[picks.next().value % now.length];
        if (one === undefined) break;
        const count = begun.length;
        if (one.id === String(fatal)) {
          isFailed = true;
          running.get(one.id)?.reject(new LifeboatError('command-failed', 'as told'));
        } else running.get(one.id)?.resolve();
        await turns();
        if (isFailed) expect(begun.length).toBe(count);
      }
      if (isFailed) await expect(working).rejects.toThrow('as told');
      else {
        await working;
        expect(begun).toHaveLength(actions.length);
      }
      for (const one of ['disk:A', 'disk:B', 'disk:C', 'disk:D']) {
        const order = begun.flatMap(({ id, writes }) =>
          writes.includes(one) || writes.length === 0 ? [Number(id)] : [],
        );
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 60 },
  );
});

test('two disks are worked on at once, and a third waits for what writes to both', async () => {
  const { running, host } = puppet();
  const { execution } = executed();
  const on = (id: string, ...writes: string[]) => action(id, { writes, commands: [{ argv: ['run', id] }] });
  const working = execute(
    [on('a', 'disk:A'), on('b', 'disk:B'), on('both', 'disk:A', 'disk:B'), on('c', 'disk:C')],
    { ...execution, host },
    signal,
  );
  const at: string[][] = [];
  while (at.length < 3) {
    await turns();
    at.push([...running.keys()]);
    for (const ending of running.values()) ending.resolve();
  }
  await working;
  expect(at).toEqual([['a', 'b', 'c'], ['both'], []]);
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
