import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { errorsIn, parseLog, readLogTail, restoredPids, runIds } from './log.ts';

test.each([
  [
    '(00.012345)   4711: Error (criu/files.c:1221): Unable to open fd=4',
    { seconds: 0.012345, task: 4711, level: 'error', text: 'Unable to open fd=4' },
  ],
  [
    'pie: 8992: Error (criu/pie/parasite.c:588): send_fds failed (-22)',
    { task: 8992, level: 'error', text: 'send_fds failed (-22)' },
  ],
  ['(100.05345) Warn  (criu/kerndat.c:1): something', { seconds: 100.05345, level: 'warning', text: 'something' }],
  ['(00.1) Dumping task', { seconds: 0.1, level: 'other', text: 'Dumping task' }],
  ['Error: Could not process rule', { level: 'other', text: 'Error: Could not process rule' }],
])('a line: %s', (line, parsed) => {
  expect(parseLog(line)).toEqual([parsed]);
});

test('errors are told once, in their order', () => {
  const log = '(00.1) Error (a.c:1): first\n(00.2) x\n(00.3) Error (b.c:2): second\n(00.4)  7: Error (a.c:1): first\n';
  expect(errorsIn(log).map(({ text }) => text)).toEqual(['first', 'second']);
});

test('the processes of a restore, and the names of a run', () => {
  const log = `(00.0) CRIU run id = 80a0ff08-bdef-4dcd-80bb-7027f90a3cea
(00.1) PID: real 31484 virt 1
(00.1)      1: PID: real 31484 virt 1`;
  expect(restoredPids(log)).toEqual([31484]);
  expect(runIds(log)).toEqual(['80a0ff08-bdef-4dcd-80bb-7027f90a3cea']);
});

test('of a long log the end is read, from the beginning of a line', async () => {
  await using directory = await temporaryDirectory();
  const path = join(directory.path, 'dump.log');
  expect(await readLogTail(path)).toBe('');
  const line = `${'x'.repeat(99)}\n`;
  writeFileSync(path, `${line.repeat(20_000)}last\n`);
  const tail = await readLogTail(path);
  expect(tail.length).toBeLessThan(1_100_000);
  expect(tail.startsWith(line)).toBe(true);
  expect(tail.endsWith('\nlast\n')).toBe(true);
});
