import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { Journal, JOURNAL_FORMAT, type NewRecord, readJournal } from './journal.ts';
import { replay } from './replay.ts';

const now = () => new Date('2026-11-20T02:00:00.000Z');
const run: NewRecord = {
  type: 'run',
  format: JOURNAL_FORMAT,
  id: '20261120T020000Z-000000',
  workflow: 'toy',
  version: 'test',
  inputs: { name: 'x\udcff' },
};

async function written(...records: readonly NewRecord[]): Promise<string> {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory[Symbol.asyncDispose]());
  const path = join(directory.path, 'journal.ndjson');
  await using journal = await Journal.create(path, now);
  for (const record of records) await journal.append(record);
  return path;
}

test('what is appended is read again, names that are not UTF-8 too', async () => {
  const path = await written(run, { type: 'resume' });
  const { records, validBytes } = await readJournal(path);
  expect(records).toMatchObject([run, { type: 'resume', at: '2026-11-20T02:00:00.000Z' }]);
  expect(validBytes).toBe((await readFile(path)).length);
});

test('appends that are not waited for keep their order', async () => {
  const path = await written(run);
  const { validBytes } = await readJournal(path);
  {
    await using journal = await Journal.reopen(path, validBytes, now);
    const attempts = Array.from({ length: 50 }, (_, attempt) => attempt);
    await Promise.all(attempts.map((attempt) => journal.append({ type: 'begin', step: 'a.b', attempt })));
  }
  const { records } = await readJournal(path);
  expect(records.slice(1).map((record) => 'attempt' in record && record.attempt)).toEqual([...Array(50).keys()]);
});

test('a journal is never begun twice', async () => {
  await expect(Journal.create(await written(run), now)).rejects.toMatchObject({ code: 'exists' });
});

test.each(['{"type":"beg', '{"type":"resume","at":"2026-11-20T02:00:00.000Z"}', '\0\0\0'])(
  'a last line that is not whole is left out, and cut off: %j',
  async (torn) => {
    const path = await written(run);
    const whole = await readFile(path, 'utf8');
    await appendFile(path, torn);
    const { records, validBytes } = await readJournal(path);
    expect(records).toHaveLength(1);
    {
      await using journal = await Journal.reopen(path, validBytes, now);
      await journal.append({ type: 'resume' });
    }
    expect(await readFile(path, 'utf8')).toBe(`${whole}{"type":"resume","at":"2026-11-20T02:00:00.000Z"}\n`);
  },
);

test.each([
  ['not JSON', 'garbage\n'],
  ['an unknown record', '{"type":"explode","at":"2026-11-20T02:00:00.000Z"}\n'],
  ['a field of the wrong type', '{"type":"cleaned","ref":"1","at":"2026-11-20T02:00:00.000Z"}\n'],
  ['an empty line', '\n'],
])('a damaged line before the last is named: %s', async (_name, line) => {
  const path = await written(run);
  await appendFile(path, `${line}{"type":"resume","at":"2026-11-20T02:00:00.000Z"}\n`);
  await expect(readJournal(path)).rejects.toMatchObject({
    code: 'journal-damaged',
    message: `${path}:2: not a journal record`,
  });
});

test('a journal of a newer lifeboat is not called damaged', async () => {
  const path = await written(run);
  await writeFile(path, (await readFile(path, 'utf8')).replace(JOURNAL_FORMAT, 'lifeboat.journal/2'));
  await expect(readJournal(path)).rejects.toMatchObject({ code: 'newer-format' });
});

test('no journal, an empty one, and one that does not begin with its run', async () => {
  const path = await written();
  await expect(readJournal(path)).rejects.toMatchObject({ code: 'journal-damaged', hint: expect.any(String) });
  await expect(readJournal(`${path}x`)).rejects.toMatchObject({ code: 'not-found' });
  await expect(readJournal(await written({ type: 'resume' }))).rejects.toMatchObject({ code: 'journal-damaged' });
});

test('after a write that failed nothing more is appended', async () => {
  const path = await written(run);
  const journal = await Journal.reopen(path, (await readFile(path)).length, now);
  await journal[Symbol.asyncDispose]();
  await expect(journal.append({ type: 'resume' })).rejects.toThrow();
  await expect(journal.append({ type: 'resume' })).rejects.toThrow();
  expect((await readJournal(path)).records).toHaveLength(1);
});

test('replaying: the first failure since the last resume counts, and a good end leaves nothing owed', async () => {
  const owe = (ref: number, when: 'end' | 'failure'): NewRecord => {
    return { type: 'owe', ref, when, step: 'a.b', cleanup: 'undo', args: null };
  };
  const fail = (message: string): NewRecord => ({ type: 'fail', step: 'a.b', error: { code: 'failed', message } });
  const failed = await readJournal(
    await written(run, fail('0'), { type: 'resume' }, owe(7, 'failure'), fail('1'), fail('2')),
  );
  expect(replay(failed.records)).toMatchObject({
    failure: { error: { message: '1' } },
    owed: [{ ref: 7 }],
    nextRef: 8,
  });
  const done = await readJournal(await written(run, owe(1, 'failure'), { type: 'done', status: 'incomplete', ms: 1 }));
  expect(replay(done.records)).toMatchObject({ owed: [], status: 'incomplete' });
  const undone = await readJournal(await written(run, owe(1, 'failure'), { type: 'done', status: 'failed', ms: 1 }));
  expect(replay(undone.records)).toMatchObject({ owed: [{ ref: 1 }], status: 'failed' });
});
