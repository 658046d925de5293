import { createHash } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import type { Machine } from '../machine/machine.ts';
import { capped, CappedLines, keepEvidence } from './evidence.ts';
import { checkMedium, digestOfFile } from './medium.ts';

const { signal } = new AbortController();

test('lines up to a limit, and that there were more', () => {
  const lines = new CappedLines(10);
  for (const line of ['one', 'two', 'three', 'x']) lines.push(line);
  expect(lines.text()).toBe('one\ntwo\n… 2 more lines are not kept\n');
  expect(new CappedLines(10).text()).toBe('');
});

test('of a text that is too long, its beginning and its end', () => {
  expect(capped('as it is', 8)).toBe('as it is');
  expect(capped(`begin${'.'.repeat(100)}end`, 8)).toBe('begi\n… 100 characters are not kept …\n.end');
});

test('what is kept of a machine that prints without end is bounded', async () => {
  await using directory = await temporaryDirectory();
  const serial = { text: () => 'x'.repeat(20 * 1024 * 1024) };
  const machine = { serial, screenshot: async () => Promise.reject(new Error('no screen')) } as unknown as Machine;
  const log = new CappedLines(1000);
  for (let line = 0; line < 1000; line++) log.push('a line');
  const digests = await keepEvidence(machine, { document: '{}', log }, directory.path);
  expect(Object.keys(digests).sort()).toEqual(['recovery.json', 'recovery.log', 'serial.log']);
  const kept = await readFile(join(directory.path, 'serial.log'));
  expect(kept.length).toBeLessThan(5 * 1024 * 1024);
  expect(digests['serial.log']).toBe(createHash('sha256').update(kept).digest('hex'));
  expect((await readFile(join(directory.path, 'recovery.log'))).length).toBeLessThan(1100);
});

test('a medium that has changed since it was made is given no key', async () => {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, 'rescue.iso');
  await writeFile(file, 'a medium');
  const medium = { file, sha256: await digestOfFile(file, signal) };
  await checkMedium(medium, signal);
  await chmod(file, 0o600);
  await writeFile(file, 'b medium');
  await expect(checkMedium(medium, signal)).rejects.toMatchObject({ code: 'untrusted' });
});
