import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { localHost } from '../../host/local.ts';
import { isRoot } from '../../../test/helpers/cli.ts';
import { cgroupsCalled, placesBelow, removeCgroups, removeEmptyCgroups } from './residues.ts';

const host = localHost();
/** In a hierarchy of version 1, or in that of version 2. */
const hierarchy = existsSync('/sys/fs/cgroup/pids') ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup';
const own = `lifeboat-test-${process.pid}`;
const id = `${own}-web`;

/** A process in a cgroup that is called as a container is. */
async function runningIn(place: string): Promise<{ readonly path: string; readonly child: ChildProcess }> {
  const path = join(hierarchy, own, place, id);
  await mkdir(path, { recursive: true });
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  await writeFile(join(path, 'cgroup.procs'), `${child.pid}`);
  return { path, child };
}

test.skipIf(!isRoot)('what others run in a cgroup of the same name runs on (makes cgroups: needs root)', async () => {
  const others = await runningIn('others');
  const before = await cgroupsCalled(host, [id]);
  expect([...before]).toEqual([others.path]);
  const made = await runningIn('made');
  const ended = once(made.child, 'exit');
  expect(await removeCgroups(host, [id], before)).toEqual([made.path]);
  await ended;
  expect([existsSync(made.path), others.child.exitCode, others.child.signalCode]).toEqual([false, null, null]);
  expect(await removeEmptyCgroups(host, [id])).toEqual([]);
  const gone = once(others.child, 'exit');
  others.child.kill('SIGKILL');
  await gone;
  expect(await removeEmptyCgroups(host, [id])).toEqual([others.path]);
  for (const place of ['others', 'made', '']) await rmdir(join(hierarchy, own, place));
});

test('a name that find would take for a pattern means no cgroup', async () => {
  expect(await cgroupsCalled(host, ['*', 'a/b', ''])).toEqual(new Set());
});

test('mounts below a directory, as the kernel writes them', () => {
  const lines = [
    '36 35 98:0 / /srv/a.tar.Xy12Zw34/criu-root rw - ext4 /dev/sda rw',
    '37 36 0:5 / /srv/a.tar.Xy12Zw34/criu-root/my\\040data rw - proc proc rw',
    '38 35 98:0 / /srv/a.tar.Xy12Zw345 rw - ext4 /dev/sda rw',
    '',
  ];
  expect(placesBelow('/srv/a.tar.Xy12Zw34', lines.join('\n'))).toEqual([
    '/srv/a.tar.Xy12Zw34/criu-root',
    '/srv/a.tar.Xy12Zw34/criu-root/my data',
  ]);
});
