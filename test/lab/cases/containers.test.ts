/** Containers under cgroup v2, on a kernel that tells which memory was written to: what this machine's own kernel may not do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CheckpointHost } from '../../helpers/checkpoint-host.ts';
import { counts } from '../../helpers/checkpoint-host.ts';
import { isRoot } from '../../helpers/cli.ts';
import { bundle, shell, silently } from '../../helpers/container-programs.ts';
import { describeCheckpoints } from '../../runtime/checkpoint-conformance.ts';
import { containerSystem } from '../containers.ts';

const { signal } = new AbortController();
const why = isRoot ? '' : ' (skipped: needs root)';

describe.skipIf(!isRoot)(`containers under cgroup v2${why}`, () => {
  let host: CheckpointHost;
  beforeAll(async () => {
    host = await containerSystem(signal);
  }, 1_800_000);
  afterAll(() => host[Symbol.asyncDispose]());

  for (const runtime of ['runc', 'crun'] as const) {
    const start = (id: string, program: readonly string[], more: readonly string[] = []) => [
      bundle(id, program, more),
      silently(`${runtime} run -d -b /ct/${id} ${id}`),
    ];
    const remove = (id: string) => shell(`${runtime} delete --force ${id} 2>/dev/null || :`);

    describeCheckpoints(
      runtime,
      {
        share: '/tmp',
        start,
        remove: (id) => [remove(id)],
        keeps: runtime === 'crun',
        closes: true,
        victims: ['criu'],
      },
      () => host,
    );

    test(`${runtime}: passes before the checkpoint leave it less to write, and all of it comes back`, async () => {
      const [name, file] = [`${runtime}-passes`, '/srv/passes.tar'];
      for (const argv of start(name, ['criu-probe', 'work', `/tmp/${name}`])) await host.run(argv, {}, signal);
      await counts(host, name);
      const tcp = runtime === 'crun' ? '--tcp=keep' : '--tcp=close';
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
      if (runtime === 'crun') {
        await host.run(remove(name), {}, signal);
        expect((await host.lifeboat('container', 'restore', file, '--unsigned')).json.error).toBeUndefined();
        await counts(host, name);
      }
      await host.run(remove(name), {}, signal);
      await host.run(['rm', '-rf', file, `/ct/${name}`], {}, signal);
    });
  }

  test('two that want all of a processor share it as 25 to 75, and so they do after checkpoint and restore; memory is bounded', async () => {
    const weights = { few: 25, many: 75 } as const;
    const names = ['few', 'many'] as const;
    for (const name of names) {
      const limits = `"resources": { "cpu": { "cpus": "0" }, "unified": { "cpu.weight": "${weights[name]}", "memory.max": "33554432" },`;
      const program = ['sh', '-c', 'while :; do :; done'];
      await host.run(bundle(name, program, [`s/"resources": {/${limits}/`]), {}, signal);
      await host.run(silently(`crun run -d -b /ct/${name} ${name}`), {}, signal);
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
      await host.run(shell(`crun delete --force ${name} 2>/dev/null || :`), {}, signal);
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
    for (const one of limits) expect(one).toMatchObject({ version: 2, memory: { maxBytes: 33_554_432 } });
    for (const name of names) await host.run(shell(`crun delete --force ${name}`), {}, signal);
    await host.run(shell('rm -rf /srv/* /ct/few /ct/many'), {}, signal);
  });
});
