/** What comes after the disks are built: mounted, filled and let go of, on filesystems in files. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readRecovered } from '../../test/helpers/recovered-file.ts';
import { isRoot, sandbox } from '../../test/helpers/cli.ts';
import { made } from '../../test/helpers/made-layout.ts';
import { runSteps } from '../../test/helpers/run-steps.ts';
import { temporaryDirectory } from '../../test/helpers/temporary.ts';
import { loadConfig } from '../config/load.ts';
import { localHost } from '../host/local.ts';
import { noSecrets } from '../kernel/secret.ts';
import { planFormat, type Plan } from '../layout/rebuild/document.ts';
import type { Component, Layout } from '../layout/types.ts';
import { findPoint } from '../point/find.ts';
import type { Proof } from '../prove/proof.ts';
import { makeOwnPlaces, mountNewRoot, unmountNewRoot } from '../recover/new-root.ts';
import { partsOf } from '../recover/request.ts';
import { mountRecovered, restoreMachine } from './recover-build.ts';
import { finishRecovered } from './recover-finish.ts';
import { endRecovery } from './recover-end.ts';
import { openConfigured } from './repository.ts';

const why = obstacle();

const notProven: Proof = {
  files: {
    total: 1,
    checked: 1,
    bytes: 1,
    files: 1,
    fileBytes: 1,
    sampled: false,
    wrong: 1,
    different: [],
    missing: ['/etc/hosts'],
    extra: 0,
    extraPaths: [],
    changedOnPurpose: 0,
    leftOut: 0,
    hidden: 0,
  },
  graph: [],
  boot: [],
  mounts: [],
  notes: [],
  result: 'failed',
};

test.skipIf(why !== undefined)(
  `files come back to filesystems that were made for them${why ?? ''}`,
  async ({ signal }) => {
    await using box = await sandbox();
    mkdirSync(join(box.source, 'data'));
    writeFileSync(join(box.source, 'data/large'), Buffer.alloc(3_000_000, 7));
    mkdirSync(join(box.source, 'archive'));
    writeFileSync(join(box.source, 'archive/old'), 'on a disk that is left out');
    expect((await box.ask('backup')).code).toBe(0);
    await using disks = loops(box.base, ['root', 'data']);
    const root = join(box.base, 'new');
    mkdirSync(root);
    await using host = localHost();
    await using _mounted = { [Symbol.asyncDispose]: async () => await unmountNewRoot(root, host, signal) };
    const layout = layoutOn(disks.devices, join(box.source, 'data'));

    const config = await loadConfig(box.config);
    const opening = { say: () => undefined, secrets: noSecrets };
    await using repository = await openConfigured(config, opening, signal);
    const { point } = await findPoint(repository, 'box', 'latest', signal);
    const request = {
      repositories: [],
      names: { map: [], only: [], exclude: [], rewrite: [] },
      grow: false,
      clone: false,
    };
    const parts = partsOf({ mountOnly: false, layoutOnly: false, filesOnly: false });
    const inputs: Record<string, unknown> = {
      config,
      hostName: 'box',
      version: '1',
      stateDir: box.state,
      begun: new Date().toISOString(),
      point,
      recoverRequest: { ...request, parts },
      captured: { layout: withArchive(layout, join(box.source, 'archive')) },
      layoutPlan: planOf(layout),
      rebuilt: { actions: 0, disks: [] },
      destination: { directory: root, made: false },
      finished: { done: [], findings: [], changed: [] },
      proof: null,
      phases: [],
    };
    // Built, and not filled yet: there is no system to enter.
    const looking = partsOf({ mountOnly: true, layoutOnly: false, filesOnly: false });
    const { finished: _, ...unfinished } = inputs;
    const empty = await runSteps(
      [mountRecovered, finishRecovered],
      { ...unfinished, recoverRequest: { ...request, parts: looking }, restored: {} },
      { stateDir: box.state, host },
      signal,
    );
    expect(empty.error).toBeUndefined();
    expect(new Set(readdirSync(root))).toEqual(new Set([box.source.split('/')[1], 'lost+found']));
    await unmountNewRoot(root, host, signal);

    const steps = [mountRecovered, restoreMachine, endRecovery];
    const { error, report, state } = await runSteps(steps, inputs, { stateDir: box.state, host }, signal);
    expect(error).toBeUndefined();
    expect(report.findings).toEqual([]);
    expect(state.newRoot?.mounts).toEqual(['/', join(box.source, 'data')]);
    expect(readdirSync(root)).toEqual([]);

    await mountNewRoot(layout, root, host, signal);
    const back = join(root, box.source);
    expect(readFileSync(join(back, 'etc/hosts'), 'utf8')).toBe('127.0.0.1 localhost\n');
    expect(readFileSync(join(back, 'data/large')).equals(readFileSync(join(box.source, 'data/large')))).toBe(true);
    expect(existsSync(join(back, 'data/lost+found'))).toBe(true);
    expect(readdirSync(join(back, 'archive'))).toEqual([]);
    expect(readdirSync(back).filter((name) => name.startsWith('.lifeboat'))).toEqual([]);
    const library = statSync(join(root, 'var/lib'), { bigint: true }).mtimeNs;
    await rm(join(root, 'var/log/lifeboat'), { recursive: true });
    await utimes(join(root, 'var/log'), 1, 1.5);
    await makeOwnPlaces(root, host, signal);
    expect(statSync(join(root, 'var/lib'), { bigint: true }).mtimeNs).toBe(library);
    expect(statSync(join(root, 'var/log')).mtimeMs).toBe(1500);
    expect(await readRecovered(root)).toMatchObject({ point: point.id, result: 'unproven', unattended: false });
    // What is not proven stays mounted, with the logs of all that was done.
    const failed = { ...inputs, ...state, rebuilt: inputs['rebuilt'], proof: notProven };
    const ended = await runSteps([endRecovery], failed, { stateDir: box.state, host }, signal);
    expect(ended.error).toBeUndefined();
    expect(ended.state.recovered?.next).toContain('--from finalize');
    const [logs = ''] = readdirSync(join(root, 'var/log/lifeboat'));
    expect(readdirSync(join(root, 'var/log/lifeboat', logs))).toEqual(expect.arrayContaining(['kernel.log', 'runs']));
    const journal = join(root, 'var/log/lifeboat', logs, 'runs', report.id, 'journal.ndjson');
    expect(readFileSync(journal, 'utf8')).toContain('"type":"done"');
    // Once more is no error, and another filesystem in its place is.
    await mountNewRoot(layout, root, host, signal);
    const [first = '', second = ''] = disks.devices;
    await expect(mountNewRoot(layoutOn([second, first], '/other'), root, host, signal)).rejects.toThrow(
      'is mounted at',
    );
    // What lies below a place where something is mounted now would be hidden: it is mounted over that.
    await unmountNewRoot(root, host, signal);
    const below = join(back, 'data');
    await mkdir(below, { recursive: true });
    ran('mount', '-t', 'tmpfs', 'none', below);
    await mountNewRoot(layout, root, host, signal);
    expect(ran('stat', '-f', '-c', '%T', below)).toMatch(/^ext/);
    await unmountNewRoot(root, host, signal);
    ran('umount', below);
  },
);

test.skipIf(why !== undefined)(`a btrfs on two devices, by its subvolumes${why ?? ''}`, async ({ signal, skip }) => {
  if (spawnSync('mkfs.btrfs', ['--version']).status !== 0) return skip('needs mkfs.btrfs');
  await using directory = await temporaryDirectory();
  await using disks = loops(directory.path, ['a', 'b'], 256 << 20);
  await using host = localHost();
  const root = join(directory.path, 'new');
  const [first = '', second = ''] = disks.devices;
  ran('mkfs.btrfs', '-q', '-f', '-m', 'raid1', '-d', 'raid1', first, second);
  mkdirSync(root);
  await using _mounted = { [Symbol.asyncDispose]: async () => await unmountNewRoot(root, host, signal) };
  if (spawnSync('mount', [second, root]).status !== 0) return skip('the kernel mounts no btrfs');
  for (const name of ['@', '@home']) ran('btrfs', '-q', 'subvolume', 'create', join(root, name));
  ran('umount', root);
  const machine = made();
  const on = [first, second].map((device) => machine.disk(device, 256 << 20));
  const whole = machine.filesystem('btrfs', 'btrfs', on.toReversed(), 512 << 20);
  for (const [path, name, options] of [
    ['/home', '@home', 'rw,compress=zstd:3,subvolid=257'],
    ['/', '@', 'rw,nosuid,compress=zstd:3'],
  ] as const) {
    const subvolume = machine.add('subvolume', `subvolume:${name}`, [whole], {
      path: name,
      number: 256,
      readOnly: false,
      isDefault: false,
    });
    machine.mount(path, [subvolume], { fstype: 'btrfs', options, root: `/${name}` });
  }
  const layout = machine.layout();
  expect((await mountNewRoot(layout, root, host, signal)).map(({ path }) => path)).toEqual(['/', '/home']);
  const shown = ran('findmnt', '-no', 'OPTIONS', join(root, 'home'));
  expect(shown).toMatch(/noatime.*compress=zstd:3.*subvol=\/@home/);
  // Whichever of its devices the kernel names, it is the same.
  await mountNewRoot(layout, root, host, signal);
  await mountNewRoot({ ...layout, components: layout.components.map(turned) }, root, host, signal);
});

const turned = (one: Component): Component => (one.kind === 'btrfs' ? { ...one, on: one.on.toReversed() } : one);

function layoutOn([first = '', second = '']: readonly string[], path: string): Layout {
  const machine = made();
  const size = 64 << 20;
  const on = [first, second].map((device) => machine.filesystem('ext', 'ext4', [machine.disk(device, size)], size));
  machine.mount('/', [on[0] ?? '']);
  machine.mount(path, [on[1] ?? '']);
  return machine.layout();
}

/** As it was, with a disk more. */
function withArchive(layout: Layout, path: string): Layout {
  const more = layoutOn(['/dev/another', '/dev/third'], path).components;
  const archive = more.flatMap((one) => (one.kind === 'mount' && one.path === path ? [one] : []));
  return { ...layout, components: [...layout.components, ...archive] };
}

function planOf(layout: Layout): Plan {
  const before = { ...layout, components: [] };
  const fates = { old: [], new: [] };
  return { format: planFormat, of: 'test', disks: [], untouched: [], before, layout, fates, actions: [], notes: [] };
}

/** Devices over files, each with an empty ext4. */
function loops(
  base: string,
  names: readonly string[],
  size = 64 << 20,
): AsyncDisposable & { readonly devices: readonly string[] } {
  const devices = names.map((name) => {
    const file = join(base, `${name}.img`);
    writeFileSync(file, '');
    truncateSync(file, size);
    ran('mkfs.ext4', '-q', file);
    return ran('losetup', '--find', '--show', file);
  });
  return {
    devices,
    [Symbol.asyncDispose]: async () => void devices.map((device) => ran('losetup', '--detach', device)),
  };
}

function ran(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${stderr}`);
  return stdout.trim();
}

function obstacle(): string | undefined {
  if (!isRoot) return ' (skipped: needs root)';
  return spawnSync('losetup', ['--find']).status === 0 ? undefined : ' (skipped: there are no loop devices)';
}
