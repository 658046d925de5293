/** Checkpoint and restore of what docker and LXC of Debian 13 run, with CRIU of sid. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Argv } from '../../src/host/host.ts';
import { type CheckpointHost, checkpointHost, countIn, counts } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { counting, shell, silently, words } from '../helpers/container-programs.ts';
import { daemonPackages, defineLxc, removeLxc, startDocker, startLxc } from '../helpers/daemons.ts';
import { describeCheckpoints } from './checkpoint-conformance.ts';
import { run } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(`checkpoints of docker and LXC${why}`, () => {
  let host: CheckpointHost;
  beforeAll(async () => {
    host = await checkpointHost({ more: daemonPackages });
    await run(host, [startDocker]);
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  const name = 'counter';
  const file = '/srv/counter.tar';
  const program = ['sh', '-c', counting, `/share/${name}`] as const;
  const dockerRun = (id: string, all: readonly string[], options = '--network none'): Argv =>
    silently(`docker run -d --name ${id} -v /ct/rootfs/tmp:/share ${options} base:1 ${words(all)}`);
  const removeDocker = (id: string): Argv => shell(`docker rm --force ${id} >/dev/null 2>&1 || :`);

  describeCheckpoints(
    'docker',
    {
      share: '/share',
      start: (id, all) => [dockerRun(id, all)],
      remove: (id) => [removeDocker(id)],
      ended: (id) => [shell(`docker kill ${id} >/dev/null 2>&1; docker wait ${id} >/dev/null`)],
      keeps: false,
      closes: false,
      victims: ['runc', 'lifeboat'],
      onlyName: true,
    },
    () => host,
  );
  describeCheckpoints(
    'lxc',
    {
      share: '/tmp',
      start: (id, [program, ...args]) => [defineLxc({ name: id, program: [`/bin/${program}`, ...args] }), startLxc(id)],
      remove: removeLxc,
      ended: (id) => [shell(`lxc-stop --kill --name ${id} 2>/dev/null || :`)],
      keeps: true,
      closes: true,
      victims: ['criu', 'lxc-checkpoint', 'lifeboat'],
      onlyName: true,
    },
    () => host,
  );

  afterEach(async () => {
    await run(host, [removeDocker(name), ...removeLxc(name), ['rm', '-f', file, `/ct/rootfs/tmp/${name}`]]);
  });

  const checkpoint = async (...more: readonly string[]) =>
    await host.lifeboat('container', 'checkpoint', name, '--output', file, ...more);
  const refused = (words: string) => ({ code: 5, json: { error: { message: expect.stringContaining(words) } } });

  test('docker: what has a restart policy stays ended, and what docker would remove is dumped only where it runs on', async () => {
    await run(host, [dockerRun(name, program, '--network none --restart always')]);
    await counts(host, name);
    expect(await checkpoint()).toMatchObject({ code: 0 });
    await new Promise((done) => setTimeout(done, 2_000));
    expect((await host.tried(shell(`docker inspect --format {{.State.Status}} ${name}`))).said.trim()).toBe('exited');
    expect((await host.lifeboat('container', 'restore', file, '--unsigned')).code).toBe(0);
    await counts(host, name);
    expect(
      (await host.tried(shell('ls -d /tmp/ctrd-checkpoint* /var/lib/docker/containers/*/checkpoints/*'))).code,
    ).not.toBe(0);
    await run(host, [removeDocker(name), ['rm', file], dockerRun(name, program, '--network none --rm')]);
    await counts(host, name);
    expect(await checkpoint()).toMatchObject(refused('started with --rm'));
    expect(await checkpoint('--stop')).toMatchObject(refused('started with --rm'));
    expect(await checkpoint('--leave-running')).toMatchObject({ code: 0 });
    await counts(host, name);
  });

  test('docker: others in its namespaces are named before it ends', async () => {
    await run(host, [dockerRun(name, program), dockerRun('other', ['sleep', '1000'], `--network container:${name}`)]);
    try {
      await counts(host, name);
      expect(await checkpoint()).toMatchObject(refused('other is in its namespaces'));
      await counts(host, name);
    } finally {
      await run(host, [removeDocker('other')]);
    }
  });

  test('docker that does not know the container cannot restore it, and says so before anything is made', async () => {
    await run(host, [dockerRun(name, program)]);
    await counts(host, name);
    expect(await checkpoint()).toMatchObject({ code: 0 });
    await run(host, [removeDocker(name)]);
    expect(await host.lifeboat('container', 'restore', file, '--unsigned')).toMatchObject(refused('does not know'));
  });

  test('LXC: an ephemeral one is dumped only where it runs on', async () => {
    // With a root of its own, which LXC removes, too.
    const more = [
      'lxc.ephemeral = 1',
      'lxc.rootfs.path = dir:/ct/own',
      'lxc.mount.entry = /ct/rootfs/tmp tmp none bind 0 0',
    ];
    const definition = defineLxc({ name, program: ['/bin/sh', '-c', counting, `/tmp/${name}`], more });
    await run(host, [['cp', '-a', '/ct/rootfs', '/ct/own'], definition, startLxc(name)]);
    await counts(host, name);
    expect(await checkpoint()).toMatchObject(refused('ephemeral'));
    expect(await checkpoint('--leave-running')).toMatchObject({ code: 0 });
    await counts(host, name);
  });

  test('LXC: one whose configuration was changed since is not restored', async () => {
    await run(host, [defineLxc({ name, program: ['/bin/sh', '-c', counting, `/tmp/${name}`] }), startLxc(name)]);
    await counts(host, name);
    expect(await checkpoint()).toMatchObject({ code: 0 });
    await run(host, [shell(`echo lxc.environment = A=1 >> /var/lib/lxc/${name}/config`)]);
    expect(await host.lifeboat('container', 'restore', file, '--unsigned')).toMatchObject(refused('not what it was'));
  });

  test.each(['docker', 'lxc'] as const)('%s: stopped and copied, it starts from its beginning', async (runtime) => {
    const lxcProgram = ['/bin/sh', '-c', `trap 'exit 0' TERM; ${counting}`, `/tmp/${name}`];
    const start = {
      docker: [dockerRun(name, program)],
      lxc: [defineLxc({ name, program: lxcProgram }), startLxc(name)],
    };
    await run(host, start[runtime]);
    const { json } = await host.lifeboat('--dry-run', 'container', 'checkpoint', name, '--output', file, '--stop');
    await expect.poll(async () => await countIn(host, name), { timeout: 60_000 }).toBeGreaterThan(500);
    const stood = await countIn(host, name);
    const made = await checkpoint('--stop', `--yes=${String(json['digest'])}`);
    expect(made).toMatchObject({ code: 0, json: { withoutMemory: true, leftRunning: false } });
    const restored = await host.lifeboat('container', 'restore', file, '--unsigned');
    expect(restored).toMatchObject({ code: 0, json: { withoutMemory: true, name } });
    expect(await countIn(host, name)).toBeLessThan(stood);
    await counts(host, name);
  });
});
