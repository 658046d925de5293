import { expect, test } from 'vitest';
import { asker } from '../host/asker.ts';
import { recordedHost } from '../host/recorded.ts';
import { readTogether, refusals } from './together.ts';

const paths = ['/a', '/b', '/empty', '/denied', '/gone', '/odd'];
const stderr = 'grep: /denied: Permission denied\ngrep: /gone: No such file or directory\n';
const answer = { argv: ['grep', '-aH', '', ...paths], code: 2, stdout: '/a:1\n/a:2:3\n/b:x\n/odd:?\n', stderr };

function digits(text: string): string {
  if (!/^[\d:\n]*$/.test(text)) throw new Error('no digits');
  return text;
}

test('what one command told is asked for no more', async ({ signal }) => {
  const questions = asker(recordedHost({ commands: [answer] }), signal);
  const together = await readTogether(recordedHost({ commands: [answer] }), questions, paths, signal);
  expect(await together.file('/a', digits)).toBe('1\n2:3\n');
  expect(await together.file('/empty', (text) => text)).toBe('');
  expect(await together.file('/gone', digits, { mayBeAbsent: true })).toBeUndefined();
  expect(questions.gaps).toEqual([]);
});

test('what it did not tell is asked for by itself, with the gap of that', async ({ signal }) => {
  const files = { '/denied': '7', '/gone': null, '/odd': '??', '/other': '8' };
  const host = recordedHost({ commands: [answer], files });
  const questions = asker(host, signal);
  const together = await readTogether(host, questions, paths, signal);
  expect(await together.file('/denied', digits)).toBe('7');
  expect(await together.file('/other', digits)).toBe('8');
  expect(await together.file('/gone', digits)).toBeUndefined();
  expect(await together.file('/odd', digits)).toBeUndefined();
  expect(questions.gaps.map(({ subject }) => subject)).toEqual(['/gone', '/odd']);
});

test('without grep, each file is asked for', async ({ signal }) => {
  const host = recordedHost({ commands: [{ ...answer, missing: true }], files: { '/a': '1\n', '/gone': null } });
  const questions = asker(host, signal);
  const together = await readTogether(host, questions, paths, signal);
  expect(await together.file('/a', digits)).toBe('1\n');
  expect(await together.file('/gone', digits, { mayBeAbsent: true })).toBeUndefined();
  expect(questions.gaps).toEqual([]);
});

test('what grep says against a file, also of GNU for a directory', () => {
  expect([...refusals(`${stderr}grep: /dir: Is a directory\ngrep: warning: stray\n`)]).toEqual([
    ['/denied', 'Permission denied'],
    ['/gone', 'No such file or directory'],
    ['/dir', 'Is a directory'],
  ]);
});
