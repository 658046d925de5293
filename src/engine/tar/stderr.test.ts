import { expect, test } from 'vitest';
import { Findings, parseTarLine } from './stderr.ts';

// Lines of GNU tar 1.34 under LC_ALL=C and --quoting-style=c, as it printed them.
test.each([
  [
    'tar: "home/a": File shrank by 52428800 bytes; padding with zeros',
    '/home/a',
    'File shrank by 52428800 bytes; padding with zeros',
  ],
  ['tar: "home/a": file changed as we read it', '/home/a', 'file changed as we read it'],
  ['tar: "v/d": File removed before we read it', '/v/d', 'File removed before we read it'],
  ['tar: "root": Cannot open: Permission denied', '/root', 'Cannot open: Permission denied'],
  ['tar: "root": Warning: Cannot open: Permission denied', '/root', 'Cannot open: Permission denied'],
  [
    'tar: "tmp/gone\\n x": Cannot stat: No such file or directory',
    '/tmp/gone\n x',
    'Cannot stat: No such file or directory',
  ],
  [
    'tar: "a\\nb\\\\c \\377\\001\\"q": Cannot open: Permission denied',
    '/a\nb\\c \udcff\u0001"q',
    'Cannot open: Permission denied',
  ],
  ['tar: "gr\\303\\266\\303\\237e": file changed as we read it', '/größe', 'file changed as we read it'],
  ['tar: "./": file changed as we read it', '/', 'file changed as we read it'],
  [
    "tar: setxattrat: Cannot set 'system.posix_acl_access' extended attribute for file 'a/b': Invalid argument",
    'tar',
    "setxattrat: Cannot set 'system.posix_acl_access' extended attribute for file 'a/b': Invalid argument",
  ],
])('%s', (line, subject, problem) => {
  expect(parseTarLine(line)).toEqual({ finding: { subject, problem }, known: true });
});

test.each([
  ['tar: -: Cannot write: Broken pipe', 'tar', '-: Cannot write: Broken pipe'],
  ['tar: memory exhausted', 'tar', 'memory exhausted'],
  ['tar: "a": something that no tar says yet', '/a', 'something that no tar says yet'],
  ['sh: tar: not found', 'tar', 'sh: tar: not found'],
])('not known, so not taken as harmless: %s', (line, subject, problem) => {
  expect(parseTarLine(line)).toEqual({ finding: { subject, problem }, known: false });
});

test('a socket that no archive can hold is no finding', () => {
  expect(parseTarLine('tar: "run/sock et": socket ignored')).toBeUndefined();
});

test('the line that only announces the exit code says nothing', () => {
  expect(parseTarLine('tar: Exiting with failure status due to previous errors')).toBeUndefined();
});

test('more findings than anybody reads are counted', () => {
  const findings = new Findings(2);
  for (const name of ['a', 'b', 'c', 'd']) findings.add(name, 'x');
  expect(findings.count).toBe(4);
  expect(findings.list().at(-1)).toEqual({ subject: 'more', problem: '2 further findings are not listed' });
});
