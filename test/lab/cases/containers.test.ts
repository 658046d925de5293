/** Containers under cgroup v2, on a kernel that tells which memory was written to: what this machine's own kernel may not do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Argv } from '../../../src/host/host.ts';
import { type CheckpointHost, counts } from '../../helpers/checkpoint-host.ts';
import { isRoot } from '../../helpers/cli.ts';
import { bundle, shell, silently, words } from '../../helpers/container-programs.ts';
import { ofToday } from '../../helpers/suite.ts';
import { describeCheckpoints } from '../../runtime/checkpoint-conformance.ts';
import { containerSystem } from '../containers.ts';

const { signal } = new AbortController();
const why = isRoot ? '' : ' (skipped: needs root)';
const scenes = ofToday(['passes', 'limits', 'runc', 'crun'] as const, new Date());

type Oci = 'runc' | 'crun';

const startOci = (
  runtime: Oci,
  id: string,
  program: readonly string[],
  more: readonly string[] = [],
): readonly Argv[] => [bundle(id, program, more), silently(`${runtime} run -d -b /ct/${id} ${id}`)];
const removeOci = (runtime: Oci, id: string): Argv => shell(`${runtime} delete --force ${id} 2>/dev/null || :`);

describe.skipIf(!isRoot)(`containers under cgroup v2${why}`, () => {
  let host: CheckpointHost;
  beforeAll(async () => {
    host = await containerSystem(signal);
  }, 1_800_000);
  afterAll(() => host[Symbol.asyncDispose]());

  async function run(commands: readonly Argv[]): Promise<void> {
    for (const argv of commands) await host.run(argv, { timeoutMs: 300_000 }, signal);
  }

  for (const runtime of ['runc', 'crun'] as const) {
    if (!scenes.includes(runtime)) continue;
    describeCheckpoints(
      runtime,
      {
        share: '/tmp',
        start: (id, program) => startOci(runtime, id, program),
        remove: (id) => [removeOci(runtime, id)],
        keeps: runtime === 'crun',
        closes: true,
        victims: ['criu'],
        softDirty: true,
      },
      () => host,
    );
  }

  const counter = 'passes';
  const working = (share: string): readonly [string, ...string[]] => ['criu-probe', 'work', `${share}/${counter}`];
  /** What counts there over a connection. */
  const ways = {
    runc: { start: startOci('runc', counter, working('/tmp')), ended: [removeOci('runc', counter)] },
    crun: { start: startOci('crun', counter, working('/tmp')), ended: [removeOci('crun', counter)] },
    process: {
      start: [
        silently(
          `setsid unshare --pid --fork --net sh -c 'ip link set lo up && exec "$@"' sh /ct/rootfs/bin/${words(working('/ct/rootfs/tmp'))} &`,
        ),
      ],
      ended: [],
    },
  } satisfies Record<string, { readonly start: readonly Argv[]; readonly ended: readonly Argv[] }>;

  test.runIf(scenes.includes('passes')).each(['runc', 'crun', 'process'] as const)(
    '%s: passes before the checkpoint leave it less to write, and all of it comes back',
    async (runtime) => {
      const file = '/srv/passes.tar';
      const { start, ended } = ways[runtime];
      await run(start);
      await counts(host, counter);
      const { json: list } = await host.lifeboat('container', 'list');
      const there = list['containers'] as readonly { runtime: string; name: string; state: string }[];
      const name = there.find((one) => one.runtime === runtime && one.state === 'running')?.name ?? 'none';
      // Runc restores a network of the container's own empty.
      const tcp = runtime === 'runc' ? '--tcp=close' : '--tcp=keep';
      const made = await host.lifeboat('container', 'checkpoint', name, '--output', file, '--pre-dump', '2', tcp);
      expect(made.json.error).toBeUndefined();
      const { said } = await host.tried(shell(`tar --list --verbose --file ${file}`));
      const pages = (directory: string): number =>
        [...said.matchAll(new RegExp(`(\\d+) \\S+ \\S+ \\./${directory}/pages-`, 'g'))]
          .map(([, bytes]) => Number(bytes))
          .reduce((one, other) => one + other, 0);
      expect(pages('pre-1')).toBeGreaterThan(0);
      expect(pages('checkpoint')).toBeLessThan(pages('pre-1'));
      expect(said).not.toContain('parent');
      await run(ended);
      if (runtime !== 'runc') {
        expect((await host.lifeboat('container', 'restore', file, '--unsigned')).json.error).toBeUndefined();
        await counts(host, counter);
      }
      const processes = `for p in /proc/[0-9]*; do if grep -qz ^/ct/rootfs/bin/ $p/cmdline; then kill -9 \${p#/proc/}; fi; done; sleep 0.1`;
      await run([...ended, ...(runtime === 'process' ? [shell(processes)] : [])]);
      await run([['rm', '-rf', file, `/ct/${counter}`, `/ct/rootfs/tmp/${counter}`]]);
    },
  );

  test.runIf(scenes.includes('limits'))(
    'two that want all of a processor share it as 25 to 75, and so they do after checkpoint and restore; memory is bounded',
    async () => {
      const weights = { few: 25, many: 75 } as const;
      const names = ['few', 'many'] as const;
      for (const name of names) {
        const limits = `"resources": { "cpu": { "cpus": "0" }, "unified": { "cpu.weight": "${weights[name]}", "memory.max": "33554432" },`;
        await run(startOci('crun', name, ['sh', '-c', 'while :; do :; done'], [`s/"resources": {/${limits}/`]));
      }
      const used = async (name: string): Promise<number> => {
        const asked = `p=$(crun state ${name} | grep -o '"pid": *[0-9]*' | grep -o '[0-9]*'); grep usage_usec "/sys/fs/cgroup$(cut -d: -f3 "/proc/$p/cgroup")/cpu.stat"`;
        return Number(/\d+/.exec((await host.run(shell(asked), {}, signal)).stdout.toString())?.[0]);
      };
      const ratio = async (): Promise<number> => {
        const before = [await used('few'), await used('many')];
        await host.run(['sleep', '5'], {}, signal);
        const [few = 0, many = 0] = [await used('few'), await used('many')].map(
          (one, index) => one - (before[index] ?? 0),
        );
        return many / few;
      };
      const first = await ratio();
      for (const name of names) {
        const file = `/srv/${name}.tar`;
        expect((await host.lifeboat('container', 'checkpoint', name, '--output', file)).json.error).toBeUndefined();
        await run([removeOci('crun', name)]);
        expect((await host.lifeboat('container', 'restore', file, '--unsigned')).json.error).toBeUndefined();
      }
      const second = await ratio();
      console.log(`25 to 75: 1 to ${first.toFixed(1)} before, 1 to ${second.toFixed(1)} after`);
      for (const one of [first, second]) {
        expect(one).toBeGreaterThan(2);
        expect(one).toBeLessThan(4.5);
      }
      const { json } = await host.lifeboat('container', 'list');
      const limits = (json['containers'] as readonly { limits: unknown }[]).map((one) => one.limits);
      expect(limits).toHaveLength(2);
      for (const one of limits) expect(one).toMatchObject({ version: 2, memory: { maxBytes: 33_554_432 } });
      await run([...names.map((name) => removeOci('crun', name)), shell('rm -rf /srv/* /ct/few /ct/many')]);
    },
  );
});
