/** What a restore brings to filesystems of several kinds is proven equal to its point, read from their devices. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEngine } from '../../src/engine/engines.ts';
import { noKeys } from '../../src/keys/keyring.ts';
import { listPoints } from '../../src/point/records.ts';
import { proveFiles } from '../../src/prove/files.ts';
import { openFileTarget } from '../../src/target/file/file.ts';
import { makeNastyTree } from '../conformance/engine.ts';
import { isRoot, sandbox } from '../helpers/cli.ts';

const { signal } = new AbortController();
const run = (program: string, ...args: string[]): string => execFileSync(program, args, { stdio: 'pipe' }).toString();

const kinds = [
  { kind: 'ext4', place: '', options: 'loop', make: ['-b', '4096'] },
  { kind: 'xfs', place: 'x fs', options: 'loop', make: [] },
  { kind: 'btrfs', place: 'btr', options: 'loop,compress=zstd', make: [] },
];

/** Loop devices, and the filesystems of this kernel. */
function canMount(): boolean {
  try {
    run('losetup', '--find');
    for (const { kind } of kinds) run('which', `mkfs.${kind}`);
    return isRoot;
  } catch {
    return false;
  }
}

test.skipIf(!canMount())('ext4, xfs and compressed btrfs (needs root, loop devices and their tools)', async () => {
  await using box = await sandbox();
  await using stack = new AsyncDisposableStack();
  const mounted = (name: string, top: string): void => {
    for (const { kind, place, options, make } of kinds) {
      const image = join(box.base, `${name}.${kind}`);
      run('truncate', '-s', '400M', image);
      run(`mkfs.${kind}`, '-q', ...make, image);
      mkdirSync(join(top, place), { recursive: true });
      run('mount', '-o', options, image, join(top, place));
      stack.defer(() => void run('umount', join(top, place)));
    }
  };
  const source = join(box.base, 'machine');
  mounted('source', source);
  for (const { place } of kinds) {
    const tree = join(source, place, 'tree');
    mkdirSync(tree);
    makeNastyTree(tree);
    run('truncate', '-s', '6M', join(tree, 'sparse'));
    run('chattr', '+d', join(tree, 'x-y'), join(tree, 'x'));
  }
  const unlock = (top: string) => () => void run('chattr', '-i', join(top, 'tree/plain'));
  run('chattr', '+i', join(source, 'tree/plain'));
  stack.defer(unlock(source));
  const include = kinds.map(({ place }) => JSON.stringify(join(source, place)));
  const backup = `backup:\n  include: [${include.join(', ')}]\n`;
  writeFileSync(box.config, `repository: file://${box.repository}\nhost: box\n${backup}`);
  expect((await box.ask('backup')).json).not.toHaveProperty('error');

  const root = join(box.base, 'recovered');
  mounted('recovered', join(root, source));
  const restored = await box.ask('restore', 'latest', '--to', root);
  expect({ code: restored.code, error: restored.json.error }).toEqual({ code: 0, error: undefined });
  stack.defer(unlock(join(root, source)));

  await using target = await openFileTarget(box.repository, {}, signal);
  const { points } = await listPoints({ target, keys: noKeys }, 'box', signal);
  const { id, data } = points[0]?.point ?? expect.unreachable('no point');
  const engine = openEngine('tar');
  const job = { target, hostName: 'box', pointId: id, sealing: noKeys, stored: data.stored };
  const total = { entries: data.entries, bytes: data.bytes };
  const proved = async () =>
    await proveFiles({ entries: () => engine.entries(job, signal), total, root, changed: [] }, () => undefined, signal);
  run('sync', '--file-system', ...kinds.map(({ place }) => join(root, source, place)));
  const proof = await proved();
  expect(proof).toMatchObject({ different: [], missing: [], wrong: 0, sampled: false });
  expect(proof).toMatchObject({ total: total.entries, bytes: total.bytes });

  // What is wrong on the device, and right in memory: a byte of a file's content, written past its filesystem.
  const file = join(root, source, 'tree/big');
  const [, sector = ''] = /^\s*0:\s+\d+\.\.\s*\d+:\s+(\d+)\.\./m.exec(run('filefrag', '-e', file)) ?? [];
  const device = openSync(join(box.base, 'recovered.ext4'), 'r+');
  writeSync(device, 'X', Number(sector) * 4096 + 100);
  closeSync(device);
  run('sync', '--file-system', join(box.base, 'recovered.ext4'));
  const damaged = await proved();
  expect(damaged.different).toMatchObject([
    { path: join(source, 'tree/big'), differences: [expect.stringMatching(/^content/)] },
  ]);
});
