import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { flagsArgv } from './flags.ts';

function scene(): string {
  const directory = mkdtempSync(join(tmpdir(), 'lifeboat-flags-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function ask(names: readonly (string | Buffer)[]): string {
  const [program] = flagsArgv() ?? [];
  if (program === undefined) throw new Error('not built');
  return execFileSync(program, {
    input: Buffer.concat(names.map((name) => Buffer.from(`${name.toString('latin1')}\0`, 'latin1'))),
  }).toString('latin1');
}

test('of files and directories, whatever they are called, in the letters of lsattr', ({ skip }) => {
  const directory = scene();
  const names = ['file', 'two\nlines', 'bytes \xff', 'none', 'directory'].map((name) => join(directory, name));
  const [file = '', lines = '', bytes = '', none = '', below = ''] = names;
  for (const name of [file, lines, bytes, none]) writeFileSync(Buffer.from(name, 'latin1'), '');
  mkdirSync(below);
  const chattr = spawnSync('chattr', ['+dA', file, lines, below]);
  if (chattr.status !== 0) return skip(`no file flags in ${directory}: ${chattr.stderr.toString()}`);
  execFileSync('sh', ['-c', 'chattr +d "$0"/bytes*', directory]);
  expect(ask(names)).toBe(`dA ${file}\0dA ${lines}\0d ${bytes}\0dA ${below}\0`);
  const [letters] = execFileSync('lsattr', [file]).toString().split(' ');
  expect(letters?.replaceAll(/[-e]/g, '')).toBe('dA');
});

test('what is no file, is not there or has no flags is left out, and nothing waits for a pipe', () => {
  const directory = scene();
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  symlinkSync('.', join(directory, 'link'));
  const odd = ['pipe', 'link', 'missing', 'pipe/below'].map((name) => join(directory, name));
  expect(ask([...odd, '/dev/null', '/proc/self/status', ''])).toBe('');
  expect(ask([])).toBe('');
});
