/** List and inspect against the real docker and LXC of Debian 13. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Argv, Host } from '../../src/host/host.ts';
import { recordingHost } from '../../src/host/recording.ts';
import { captureForPoint } from '../../src/point/capture-containers.ts';
import { captureContainers } from '../../src/runtime/capture.ts';
import { containerHost, containerObstacle } from '../helpers/container-host.ts';
import { bundle, shell, silently } from '../helpers/container-programs.ts';
import { daemonPackages, defineLxc, removeLxc, startContainerd, startDocker, startLxc } from '../helpers/daemons.ts';
import { describeRuntime, run, signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

const limits = '--cpus 0.5 --memory 64m --pids-limit 50';
const dockerRun = (name: string): Argv =>
  shell(
    `docker run -d --name ${name} --network none -e DB_PASSWORD=hunter22 -v vol1:/data --restart unless-stopped ${limits} base:1 sleep 1000`,
  );

const limited = (name: string): Argv =>
  defineLxc({
    name,
    more: [
      'lxc.cgroup.memory.limit_in_bytes = 64M',
      'lxc.cgroup.pids.max = 50',
      'lxc.cgroup.cpu.cfs_period_us = 100000',
      'lxc.cgroup.cpu.cfs_quota_us = 50000',
      'lxc.mount.entry = /srv srv none bind,create=dir 0 0',
      'lxc.environment = DB_PASSWORD=hunter22',
      'lxc.start.auto = 1',
    ],
  });

/** Of a specification of runc. */
const limitedSpec =
  's/"resources": {/"resources": { "cpu": { "quota": 50000, "period": 100000 }, "memory": { "limit": 67108864 }, "pids": { "limit": 50 },/';

const removeContainerd = (id: string, namespace = 'default'): readonly Argv[] => [
  shell(`ctr -n ${namespace} tasks kill --signal SIGKILL ${id} 2>/dev/null || :; sleep 0.3`),
  shell(`ctr -n ${namespace} tasks delete ${id} >/dev/null 2>&1 || :; ctr -n ${namespace} containers delete ${id}`),
];

describe.skipIf(obstacle !== undefined)(`docker and LXC${why}`, () => {
  let host: Host;
  beforeAll(async () => {
    host = await containerHost({ more: daemonPackages });
    await run(host, [startContainerd, startDocker]);
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  describeRuntime(
    'docker',
    { start: (name) => [dockerRun(name)], remove: (name) => [['docker', 'rm', '--force', name]] },
    () => host,
  );
  describeRuntime(
    'lxc',
    { start: (name) => [limited(name), startLxc(name)], remove: removeLxc, tool: 'lxc-info' },
    () => host,
  );

  describeRuntime(
    'containerd',
    {
      start: (name) => [
        bundle(name, ['sleep', '1000'], [limitedSpec]),
        silently(`ctr run --detach --null-io --config /ct/${name}/config.json ${name}`),
      ],
      remove: removeContainerd,
      tool: 'ctr',
    },
    () => host,
  );

  test('containerd: the name, image, changes and policy of one of nerdctl, and nothing of docker twice', async () => {
    const labels = '--label nerdctl/name=web --label containerd.io/restart.policy=on-failure:3';
    await run(host, [
      shell('docker save base:1 | ctr images import - >/dev/null'),
      shell(
        'ctr namespaces create other 2>/dev/null || :; docker save base:1 | ctr -n other images import - >/dev/null',
      ),
      silently(`ctr -n other run --detach --null-io ${labels} docker.io/library/base:1 one sleep 1000`),
      ['ctr', 'containers', 'create', 'docker.io/library/base:1', 'never', 'true'],
      dockerRun('web'),
    ]);
    const { containers, gaps } = await captureContainers(host, new Date(), signal, ['docker', 'containerd', 'runc']);
    await run(host, [
      ['docker', 'rm', '--force', 'web'],
      ...removeContainerd('one', 'other'),
      ...removeContainerd('never'),
    ]);
    expect(gaps).toEqual([]);
    expect(containers.map(({ runtime, name, state }) => `${runtime} ${name} ${state}`).sort()).toEqual([
      'containerd never exited',
      'containerd web running',
      'docker web running',
    ]);
    const one = containers.find(({ id }) => id === 'one');
    expect(one).toMatchObject({
      image: { reference: 'docker.io/library/base:1', layers: [expect.stringContaining('/snapshots/')] },
      rootfs: { driver: 'overlayfs', writable: expect.stringMatching(/^\/var\/lib\/containerd\/.*\/fs$/) },
      restart: { policy: 'on-failure', retries: 3 },
      labels: { 'containerd.io/namespace': 'other' },
      storage: ['/var/lib/containerd'],
    });
  });

  test('each container is in the list once, with what a backup has to take of it; recorded with RECORD=1', async () => {
    await run(host, [
      dockerRun('web'),
      ['docker', 'create', '--name', 'never', '--network', 'host', 'base:1', 'true'],
      limited('one'),
      startLxc('one'),
      limited('two'),
    ]);
    const { host: recorder, recording } = recordingHost(host);
    const { containers, gaps } = await captureContainers(recorder, new Date(), signal, ['docker', 'lxc', 'runc']);
    if (process.env['RECORD'] === '1') {
      const file = join(import.meta.dirname, '../fixtures/docker/trixie.json');
      const tools = { tool: 'docker 26.1.5, runc 1.1.15, lxc 6.0.4', distro: 'Debian 13' };
      await writeFile(file, `${JSON.stringify({ ...tools, ...recording() }, null, 2)}\n`);
    }
    const point = await captureForPoint(host, new Date(), signal);
    await run(host, [['docker', 'rm', '--force', 'web', 'never'], ...removeLxc('one'), ...removeLxc('two')]);
    expect(gaps).toEqual([]);
    expect(containers.map(({ runtime, name, state }) => `${runtime} ${name} ${state}`).sort()).toEqual([
      'docker never created',
      'docker web running',
      'lxc one running',
      'lxc two exited',
    ]);
    const web = point.containers.containers.find(({ name }) => name === 'web');
    expect(web?.rootfs?.changes).toContainEqual({ path: '/data', change: 'added' });
    const { containers: captured, data } = point.containers;
    expect(captured.map(({ runtime, name }) => `${runtime} ${name}`).sort()).toEqual([
      'docker never',
      'docker web',
      'lxc one',
      'lxc two',
    ]);
    expect(data).toEqual(
      expect.arrayContaining(['/ct/rootfs', '/var/lib/docker', '/var/lib/lxc/one', '/var/lib/lxc/two']),
    );
    expect(JSON.stringify(point)).not.toContain('hunter22');
  });
});
