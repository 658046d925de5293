/** Checkpoint and restore of what runs, against the real runc, crun and podman of Debian 13 with CRIU of sid, and of plain processes. */
import { afterAll, beforeAll, describe } from 'vitest';
import type { Argv } from '../../src/host/host.ts';
import { type CheckpointHost, checkpointHost } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
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

/** A bundle in `/ct/<id>`. */
function bundle(id: string, program: readonly string[]): Argv {
  const edits = [
    's/"terminal": true/"terminal": false/',
    `s#"sh"#${program.map((word) => JSON.stringify(word)).join(', ')}#`,
    's#"path": "rootfs"#"path": "/ct/rootfs"#',
    's/"readonly": true/"readonly": false/',
  ];
  return shell(
    `mkdir -p /ct/${id} && cd /ct/${id} && rm -f config.json && runc spec && sed -i ${edits.map((edit) => `-e ${words([edit])}`).join(' ')} config.json`,
  );
}

function silently(command: string): Argv {
  return shell(`exec </dev/null >/dev/null 2>&1; ${command}`);
}

function shell(script: string): Argv {
  return ['sh', '-c', script];
}

/** For a shell. */
function words(program: readonly string[]): string {
  return program.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}
