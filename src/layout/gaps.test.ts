import { afterEach, describe, expect, test, vi } from 'vitest';
import { madeHost } from '../../test/helpers/made-host.ts';
import { machine } from '../../test/helpers/machines.ts';
import { recordedHost } from '../host/recorded.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { captureLayout } from './capture.ts';
import { layoutChanges } from './diff.ts';
import { layoutTree } from './tree.ts';
import type { Component, Layout } from './types.ts';

/** Without the boot, of which something is always known. */
const stored = ({ components }: Layout) => components.filter((one) => one.id !== 'boot');

const now = new Date('2026-11-21T12:00:00Z');
const mountsOf = ({ components }: Layout) =>
  components.filter((one): one is Extract<Component, { kind: 'mount' }> => one.kind === 'mount');

afterEach(() => vi.useRealTimers());

test('no tool at all: each is named, once', async ({ signal }) => {
  const layout = await captureLayout(madeHost({}), now, signal);
  expect(stored(layout)).toEqual([]);
  const subjects = layout.gaps.map(({ subject }) => subject);
  expect(subjects).toEqual(expect.arrayContaining(['findmnt', 'lsblk']));
  expect(new Set(subjects).size).toBe(subjects.length);
});

test.each([
  '',
  'garbage',
  '{}',
  '[]',
  '{"blockdevices": [{"name": 5}]}',
  '{"filesystems": null}',
  '\u001b[31m',
  '\udcff\udc00',
])('output %j of every tool', async (output) => {
  const signal = new AbortController().signal;
  const tools = [
    'lsblk',
    'findmnt',
    'realpath',
    'blkid',
    'sfdisk',
    'dumpe2fs',
    'xfs_db',
    'btrfs',
    'dd',
    'lsattr',
    'stat',
  ];
  const layout = await captureLayout(madeHost(Object.fromEntries(tools.map((tool) => [tool, output]))), now, signal);
  expect(stored(layout)).toEqual([]);
  const subjects = layout.gaps.map(({ subject }) => subject);
  expect(subjects).toEqual(expect.arrayContaining(['lsblk', 'lsblk without sizes of filesystems', 'findmnt']));
  expect(layoutTree(layout)).not.toContain('\u001b');
});

describe('a machine on which one tool', () => {
  const tools = ['sfdisk', 'dumpe2fs', 'xfs_db', 'btrfs', 'dd', 'lsattr', 'blkid', 'stat', 'realpath', 'find', 'grep'];
  const whole = async (signal: AbortSignal) => await captureLayout(recordedHost(machine('debian12')), now, signal);
  const broken = async (
    signal: AbortSignal,
    tool: string,
    change: (command: { stdout: string; code: number; missing?: boolean | undefined }) => void,
  ) => {
    const recording = machine('debian12');
    for (const command of recording.commands) if (command.argv[0] === tool) change(command);
    return await captureLayout(recordedHost(recording), now, signal);
  };

  test.each(tools)('is missing still has all its components, and a gap that names the package: %s', async (tool) => {
    const signal = new AbortController().signal;
    const [before, after] = [await whole(signal), await broken(signal, tool, (command) => (command.missing = true))];
    const kept = before.components.filter(({ kind }) => tool !== 'btrfs' || kind !== 'subvolume');
    expect(after.components.map(({ id }) => id)).toEqual(expect.arrayContaining(kept.map(({ id }) => id)));
    if (before.components.length > 0 && !['blkid', 'realpath'].includes(tool)) {
      expect(after.gaps).toContainEqual(
        expect.objectContaining({
          problem: expect.stringContaining(`no such program: ${tool}`),
          hint: expect.stringContaining('apt-get install'),
        }),
      );
    }
    // What was not seen has not gone.
    expect(layoutChanges(before, after)).toEqual([]);
    expect(layoutChanges(after, before)).toEqual([]);
  });

  test.each(
    tools.flatMap((tool) =>
      ['', 'garbage', '\u001b[31m', '{"partitiontable": 5}'].map((output) => [tool, output] as const),
    ),
  )('prints nonsense costs no more than what it tells: %s %j', async (tool, output) => {
    const signal = new AbortController().signal;
    const after = await broken(signal, tool, (command) => (command.stdout = output));
    const kinds = new Set(after.components.map(({ kind }) => kind));
    for (const { kind } of (await whole(signal)).components) if (kind !== 'subvolume') expect(kinds).toContain(kind);
    expect(layoutTree(after)).not.toContain('\u001b');
  });
});

test('tools that never answer, on a host that does not keep its time limit', async ({ signal }) => {
  vi.useFakeTimers();
  const never = () => new Promise<string>(() => {});
  const done = captureLayout(madeHost({ lsblk: never, findmnt: never }), now, signal);
  await vi.advanceTimersByTimeAsync(60_000);
  const layout = await done;
  expect(layout.gaps.map(({ problem }) => problem)).toContain('findmnt did not answer within 15 s');
});

test('200 dead volumes are waited for together, not one after the other', async ({ signal }) => {
  vi.useFakeTimers();
  const rows = Array.from({ length: 200 }, (_, index) => ({
    name: `dm-${index}`,
    'maj:min': `253:${index}`,
    type: 'lvm',
    size: 1 << 30,
    fstype: 'ext4',
    uuid: `u${index}`,
  }));
  const dead = async () => await new Promise<string>(() => {});
  const host = madeHost({
    lsblk: JSON.stringify({ blockdevices: rows }),
    findmnt: '{"filesystems": []}',
    dumpe2fs: dead,
  });
  const done = captureLayout(host, now, signal);
  await vi.advanceTimersByTimeAsync(90_000);
  const layout = await done;
  expect(layout.components.filter(({ kind }) => kind === 'ext')).toHaveLength(200);
  expect(layout.gaps.filter(({ subject }) => subject.startsWith('/dev/dm-'))).toHaveLength(200);
});

test('a dead network mount costs its own size and no other', async ({ signal }) => {
  const rows = [
    { target: '/', source: '/dev/sda1', fstype: 'ext4', options: 'rw', fsroot: '/', 'maj:min': '8:1' },
    { target: '/mnt/dead', source: 'nas:/x', fstype: 'nfs4', options: 'rw,hard', fsroot: '/', 'maj:min': '0:50' },
  ];
  const asked: string[][] = [];
  const layout = await captureLayout(
    madeHost({
      lsblk: '{"blockdevices": []}',
      stat: () => {
        throw new LifeboatError('command-timeout', 'stat did not end within 15 s');
      },
      findmnt: (argv) => {
        asked.push([...argv]);
        return JSON.stringify({ filesystems: argv.includes('-t') ? [{ target: '/', size: 9, used: 5 }] : rows });
      },
    }),
    now,
    signal,
  );
  expect(asked).toContainEqual(['findmnt', '-J', '-b', '-l', '-o', 'TARGET,SIZE,USED', '-t', 'ext4']);
  expect(layout.gaps).toContainEqual({ subject: '/mnt/dead', problem: 'stat did not end within 15 s' });
  expect(mountsOf(layout).map(({ usedBytes }) => usedBytes)).toEqual([5, undefined]);
});

test('an interrupted capture says so instead of reporting gaps', async () => {
  const stop = new AbortController();
  stop.abort();
  await expect(captureLayout(madeHost({}), now, stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
});

test('10,000 bind and tmpfs mounts are captured, shown and compared', async ({ signal }) => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({
    target: `/m/${index}`,
    source: index % 2 === 0 ? 'tmpfs' : '/dev/sda1',
    fstype: index % 2 === 0 ? 'tmpfs' : 'ext4',
    options: 'rw',
    fsroot: index % 2 === 0 ? '/' : `/${index}`,
    'maj:min': index % 2 === 0 ? `0:${index}` : '8:1',
  }));
  const device = {
    name: 'sda1',
    'maj:min': '8:1',
    type: 'part',
    size: 1e9,
    fstype: 'ext4',
    uuid: 'u',
    parttype: '0x83',
  };
  const host = madeHost({
    lsblk: JSON.stringify({ blockdevices: [device] }),
    findmnt: JSON.stringify({ filesystems: rows }),
  });
  const layout = await captureLayout(host, now, signal);
  expect(mountsOf(layout)).toHaveLength(10_000);
  expect(layoutTree(layout).split('\n').length).toBeGreaterThan(10_000);
  expect(layoutChanges(layout, layout)).toEqual([]);
});
