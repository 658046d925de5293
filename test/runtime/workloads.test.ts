/** Programs that do real work are checkpointed and restored while somebody asks them all the time, and checks every answer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Argv } from '../../src/host/host.ts';
import { type CheckpointHost, checkpointHost } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { bundle, shell, silently, words } from '../helpers/container-programs.ts';
import { asked, inNetwork, network, prepareWorkload, stateOf, withTmpfs } from '../helpers/workload.ts';
import { signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

const file = '/srv/work.tar';
const name = 'work';

interface Runtime {
  readonly start: (program: readonly string[]) => readonly Argv[];
  readonly remove: Argv;
}

const oci = (runtime: string): Runtime => ({
  start: (program) => [
    bundle(name, program, [inNetwork, withTmpfs]),
    silently(`${runtime} run -d -b /ct/${name} ${name}`),
  ],
  remove: shell(`${runtime} delete --force ${name} 2>/dev/null || :`),
});

const runtimes: Readonly<Record<string, Runtime>> = {
  runc: oci('runc'),
  crun: oci('crun'),
  podman: {
    start: (program) => [
      shell('podman image exists work || tar -C /ct/rootfs -c . | podman import - localhost/work >/dev/null 2>&1'),
      silently(`podman run -d --name ${name} --network ns:${network} --tmpfs /tmp localhost/work ${words(program)}`),
    ],
    remove: ['podman', 'rm', '--force', '--ignore', '--time', '0', name],
  },
};

describe.skipIf(obstacle !== undefined)(`workloads${why}`, () => {
  let host: CheckpointHost;
  beforeAll(async () => {
    host = await checkpointHost();
    await prepareWorkload(host);
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  async function moved(remove: Argv, ...options: readonly string[]): Promise<void> {
    const made = await host.lifeboat('container', 'checkpoint', name, '--output', file, '--tcp=keep', ...options);
    expect(made.json.error).toBeUndefined();
    if (options.includes('--leave-running')) return;
    await host.run(remove, {}, signal);
    expect((await host.lifeboat('container', 'restore', file, '--unsigned')).json.error).toBeUndefined();
  }

  describe.each(Object.entries(runtimes))('%s', (runtime, { start, remove }) => {
    afterEach(async () => {
      await host.run(remove, {}, signal);
      await host.run(['rm', '-rf', '--', file, `/ct/${name}`], {}, signal);
    });

    test.each([
      ['64', '100', '/work'],
      ['256', '50', '/tmp'],
    ])(
      '%s MiB of memory, of which %s are written to each second, and all else that programs use, in %s',
      async (mib, rate, directory) => {
        for (const argv of start(['workload', '7000', mib, rate, directory])) await host.run(argv, {}, signal);
        const state = async (): Promise<Readonly<Record<string, number>>> => await stateOf(host, 7000);
        await expect.poll(state, { timeout: 20_000 }).toMatchObject({ wrong: 0 });
        if (runtime === 'podman' && directory === '/work') {
          const refused = await host.lifeboat('container', 'checkpoint', name, '--output', file, '--tcp=keep');
          expect(refused).toMatchObject({
            code: 5,
            json: { error: { message: expect.stringContaining('watches /work') } },
          });
          return;
        }
        await using client = await asked(host, 7000);
        await sleep(300);
        await moved(remove, '--leave-running');
        await host.run(['rm', '--', file], {}, signal);
        const before = await state();
        await moved(remove);
        const restored = await state();
        // By the restored one, too; what TCP sends again after a long pause comes some seconds later.
        const then = await client.seen();
        const more = async (of: 'tcp' | 'udp'): Promise<number> =>
          (await client.seen())[of].answered - then[of].answered;
        await expect.poll(async () => await more('tcp'), { timeout: 60_000 }).toBeGreaterThan(20);
        await expect.poll(async () => await more('udp'), { timeout: 60_000 }).toBeGreaterThan(20);
        const { wrong, line, rounds: _rounds, ...after } = await state();
        expect({ wrong, line }).toEqual({ wrong: 0, line: 0 });
        for (const [what, count] of Object.entries(after)) {
          expect(count, `${what} go on from where they were`).toBeGreaterThan(restored[what] ?? 0);
          expect(restored[what], `${what} were not lost`).toBeGreaterThanOrEqual(before[what] ?? 0);
        }
        const { tcp, udp } = await client.end();
        expect(tcp).toMatchObject({ wrong: 0, answered: expect.any(Number) });
        expect(tcp).not.toHaveProperty('error');
        expect(tcp).not.toHaveProperty('closed');
        expect(udp.wrong).toBe(0);
      },
    );
  });
});
