/** Checkpoint and restore of what runs, against the real runc, crun and podman of Debian 13 with CRIU of sid, and of plain processes. */
import { afterAll, beforeAll, describe } from 'vitest';
import { type CheckpointHost, checkpointHost } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { bundle, shell, silently, words } from '../helpers/container-programs.ts';
import { describeCheckpoints } from './checkpoint-conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(`checkpoints of containers${why}`, () => {
  let host: CheckpointHost;
  // The packages are fetched and unpacked once.
  beforeAll(async () => {
    host = await checkpointHost();
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  for (const name of ['runc', 'crun'] as const) {
    describeCheckpoints(
      name,
      {
        share: '/tmp',
        start: (id, program) => [bundle(id, program), silently(`${name} run -d -b /ct/${id} ${id}`)],
        remove: (id) => [shell(`${name} delete --force ${id} 2>/dev/null || :`)],
        keeps: name === 'crun',
        closes: true,
        victims: name === 'crun' ? ['criu', 'lifeboat', 'crun'] : ['runc'],
      },
      () => host,
    );
  }
  describeCheckpoints(
    'podman',
    {
      share: '/share',
      start: (id, program) => [
        shell(
          'podman image exists bb || tar -C /ct/rootfs --exclude=./tmp/* -c . | podman import - localhost/bb >/dev/null 2>&1',
        ),
        silently(
          `podman run -d --name ${id} --network none -v /ct/rootfs/tmp:/share -v vol1:/data localhost/bb ${words(program)}`,
        ),
      ],
      remove: (id) => [['podman', 'rm', '--force', '--ignore', '--time', '0', id]],
      keeps: true,
      closes: false,
      victims: ['crun', 'lifeboat'],
      onlyName: true,
    },
    () => host,
  );
  describeCheckpoints(
    'process',
    {
      share: '/ct/rootfs/tmp',
      start: (_id, [name, ...args]) => [
        silently(
          `setsid unshare --pid --fork --net sh -c 'ip link set lo up && exec "$@"' sh /ct/rootfs/bin/${words([name, ...args])} &`,
        ),
      ],
      remove: () => [
        shell(
          'for p in /proc/[0-9]*; do if grep -qz ^/ct/rootfs/bin/ $p/cmdline; then kill -9 ${p#/proc/}; fi; done; sleep 0.1',
        ),
      ],
      keeps: true,
      closes: true,
      victims: ['criu'],
      nameless: 'a tree of processes has no name of its own',
    },
    () => host,
  );
});
