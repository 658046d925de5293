/** List and inspect against the real runc, crun and podman of Debian 13, and against plain processes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Argv, Host } from '../../src/host/host.ts';
import { recordingHost } from '../../src/host/recording.ts';
import { captureContainers } from '../../src/runtime/capture.ts';
import { containerHost, containerObstacle } from '../helpers/container-host.ts';
import { describeRuntime, run, signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(`runtimes of containers${why}`, () => {
  let host: Host;
  // The packages are fetched and unpacked once.
  beforeAll(async () => {
    host = await containerHost();
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  for (const name of ['runc', 'crun'] as const) {
    describeRuntime(
      name,
      { start: (id) => [bundle(id), started(name, id)], remove: (id) => [[name, 'delete', '--force', id]] },
      () => host,
    );
  }
  describeRuntime(
    'podman',
    {
      start: (name) => [podman('--name', name, '-e', 'DB_PASSWORD=hunter22', '-v', 'vol1:/data', ...limits)],
      remove: (name) => [['podman', 'rm', '--force', '--time', '0', name]],
    },
    () => host,
  );
  describeRuntime(
    'process',
    {
      bare: true,
      start: () => [shell('unshare --pid --fork --kill-child --mount-proc sleep 1000 >/dev/null 2>&1 & sleep 1')],
      remove: () => [
        shell('for p in /proc/[0-9]*; do if grep -qz ^unshare $p/cmdline; then kill -9 ${p#/proc/}; fi; done'),
      ],
    },
    () => host,
  );

  test('a container in a pod tells what it shares with the others, and how the pod was made', async () => {
    await run(host, [
      shell(
        `printf 'FROM scratch\\nCOPY rootfs /\\n' > /ct/base; podman build -q --network none -t localhost/base:1 -f /ct/base /ct`,
      ),
      shell(
        'podman pod create --name shop --network none --share net,ipc --infra-image localhost/base:1 --infra-command "/bin/sleep 1000"',
      ),
      shell('podman run -d --name inpod --pod shop localhost/base:1 sleep 1000 </dev/null >/dev/null 2>&1'),
    ]);
    const { containers, gaps } = await captureContainers(host, new Date(), signal, ['podman']);
    await run(host, [
      ['podman', 'pod', 'rm', '--force', '--time', '0', 'shop'],
      ['podman', 'rmi', '--all', '--force'],
    ]);
    expect(gaps).toEqual([]);
    const one = containers.find(({ name }) => name === 'inpod');
    expect(one?.pod).toMatchObject({ name: 'shop', shares: ['ipc', 'net'] });
    expect(one?.pod?.command).toContain('net,ipc');
    expect(containers.filter(({ pod }) => pod?.infra === true)).toHaveLength(1);
  });

  test('a tree of processes tells what it has mounted that its host has not', async () => {
    const inside = 'mount -t tmpfs none /mnt; mount --bind -o ro /ct/rootfs/bin /srv; exec sleep 1000';
    await run(host, [
      shell(
        `mkdir -p /mnt /srv; unshare --pid --fork --kill-child --mount sh -c '${inside}' >/dev/null 2>&1 & sleep 1`,
      ),
    ]);
    const { containers, gaps } = await captureContainers(host, new Date(), signal, ['process']);
    await run(host, [
      shell('for p in /proc/[0-9]*; do if grep -qz ^unshare $p/cmdline; then kill -9 ${p#/proc/}; fi; done'),
    ]);
    expect(gaps).toEqual([]);
    const [one] = containers.filter(({ process: { args = [] } = {} }) => args.includes('1000'));
    expect(one?.mounts.map(({ kind, destination }) => `${kind} ${destination}`)).toEqual(['tmpfs /mnt', 'bind /srv']);
    expect(one?.mounts[1]?.source).toBe('/ct/rootfs/bin');
  });

  test('each container is in the list once, by the runtime that knows most of it; recorded with RECORD=1', async () => {
    await run(host, [
      bundle('plain'),
      started('runc', 'plain'),
      podman('--name', 'web', '-e', 'DB_PASSWORD=hunter22', '-v', 'vol1:/data', '--label', 'tier=front', ...limits),
      [
        'podman',
        'create',
        '--rootfs',
        '--name',
        'never',
        '--network',
        'host',
        '--restart',
        'always',
        '/ct/rootfs',
        'true',
      ],
    ]);
    const { host: recorder, recording } = recordingHost(host);
    const { containers, gaps } = await captureContainers(recorder, new Date(), signal);
    if (process.env['RECORD'] === '1') {
      const file = join(import.meta.dirname, '../fixtures/podman/trixie.json');
      const text = JSON.stringify(
        { tool: 'podman 5.4.2, crun 1.21, runc 1.1.15', distro: 'Debian 13', ...recording() },
        null,
        2,
      );
      await writeFile(file, `${text}\n`);
    }
    await run(host, [
      ['podman', 'rm', '--all', '--force', '--time', '0'],
      ['runc', 'delete', '--force', 'plain'],
    ]);
    expect(gaps).toEqual([]);
    expect(containers.map(({ runtime, name, state }) => `${runtime} ${name} ${state}`).sort()).toEqual([
      'podman never created',
      'podman web running',
      'runc plain running',
    ]);
  });
});

const limits = ['--cpus', '0.5', '--memory', '64m', '--pids-limit', '50'];

function podman(...options: readonly string[]): Argv {
  // Its monitor keeps the output open otherwise.
  return shell(
    `podman run -d --rootfs --network none ${options.join(' ')} /ct/rootfs sleep 1000 </dev/null >/dev/null 2>&1`,
  );
}

/** A bundle in `/ct/<id>`, as the tool itself proposes it, with limits. */
function bundle(id: string): Argv {
  const asked =
    '"resources": { "cpu": { "quota": 50000, "period": 100000 }, "memory": { "limit": 67108864 }, "pids": { "limit": 50 },';
  const edits = [
    's/"terminal": true/"terminal": false/',
    's/"sh"/"sleep", "1000"/',
    's#"path": "rootfs"#"path": "/ct/rootfs"#',
    `s/"resources": {/${asked}/`,
  ];
  return shell(
    `mkdir -p /ct/${id} && cd /ct/${id} && runc spec && sed -i ${edits.map((edit) => `-e '${edit}'`).join(' ')} config.json`,
  );
}

function started(tool: 'runc' | 'crun', id: string): Argv {
  return shell(
    `${tool} run -d -b /ct/${id} ${id} </dev/null >/tmp/${id}.log 2>&1 || { cat /tmp/${id}.log >&2; exit 1; }`,
  );
}

function shell(script: string): Argv {
  return ['sh', '-c', script];
}
