import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { hostIdentity, parseProcessStart, processStart, sameProcessAlive } from './identity.ts';
import { recordedHost } from './recorded.ts';

const rest = '1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21';

test.each([
  ['a plain name', `12 (sleep) S ${rest}`, 4711],
  ['spaces and parentheses', `12 (a) b) (c) R ${rest}`, 4711],
  ['a name like a field', `12 () S 99 99) S ${rest}`, 4711],
  ['a line break', `12 (a\nb) D ${rest}`, 4711],
  ['ended, not yet collected', `12 (sleep) Z ${rest}`, undefined],
  ['cut short', '12 (sleep) S 1 2', undefined],
  ['empty', '', undefined],
])('start time of a process: %s', (_title, stat, start) => {
  expect(parseProcessStart(stat)).toBe(start);
});

test('a process is the same until it ends', async () => {
  const child = spawn('sleep', ['60']);
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const start = await processStart(pid);
  expect(start).toBeGreaterThan(0);
  expect(await sameProcessAlive(pid, start ?? 0)).toBe(true);
  expect(await sameProcessAlive(pid, (start ?? 0) + 1)).toBe(false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await sameProcessAlive(pid, start ?? 0)).toBe(false);
});

test('a machine without an id and without /proc is still named', async () => {
  const host = recordedHost({
    commands: [{ argv: ['uname', '-n'], code: 0, stdout: 'web1\n' }],
    files: { '/etc/machine-id': 'uninitialized\n', '/proc/sys/kernel/random/boot_id': null },
  });
  const identity = await hostIdentity(host, new AbortController().signal);
  expect(identity).toEqual({ name: 'web1', machineId: undefined, bootId: undefined });
});
