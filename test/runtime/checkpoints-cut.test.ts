/** lifeboat, its runtime and CRIU killed at named moments of a checkpoint or restore: what the next command makes of that. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CheckpointHost, checkpointHost, counts } from '../helpers/checkpoint-host.ts';
import { killedAt } from '../helpers/checkpoint-moments.ts';
import { bundle, counting, silently, words } from '../helpers/container-programs.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(`checkpoints that are cut off${why}`, () => {
  let host: CheckpointHost;
  let before: readonly string[];
  beforeAll(async () => {
    host = await checkpointHost();
    await run('tar -C /ct/rootfs --exclude=./tmp/* -c . | podman import - localhost/bb >/dev/null 2>&1');
    for (const name of ['crun', 'podman'] as const) {
      await start(name, 'one');
      await remove('one');
    }
    await run('rm -rf /ct/one /ct/rootfs/tmp/*; podman volume rm -f vol2');
    before = await host.things();
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());
  afterEach(async () => {
    await remove('one');
    await remove('two');
    // What a runtime has left mounted there would be emptied with it, where a test has failed.
    await run('for m in $(cut -d " " -f 5 /proc/self/mountinfo | grep "^/srv/" | sort -r); do umount -l $m; done');
    await run('rm -rf /srv/* /ct/one /ct/two /ct/rootfs/tmp/*; podman volume rm -f vol2 >/dev/null 2>&1 || :');
  });

  const run = async (script: string): Promise<string> =>
    (await host.run(['sh', '-c', script], { timeoutMs: 60_000 }, signal)).stdout.toString();
  const remove = async (name: string): Promise<void> => {
    await run(
      `crun delete --force ${name} 2>/dev/null; runc delete --force ${name} 2>/dev/null; podman rm --force --ignore --time 0 ${name}; :`,
    );
  };
  /** With a connection, or quiet; of podman with a volume. */
  const start = async (runtime: 'runc' | 'crun' | 'podman', name: string, connected = false): Promise<void> => {
    const share = runtime === 'podman' ? '/share' : '/tmp';
    const program = connected ? ['criu-probe', 'work', `${share}/${name}`] : ['sh', '-c', counting, `${share}/${name}`];
    if (runtime === 'podman') {
      const options = `-d --name ${name} --network none -v /ct/rootfs/tmp:/share -v vol2:/data`;
      await host.run(silently(`podman run ${options} localhost/bb ${words(program)}`), {}, signal);
    } else {
      await host.run(bundle(name, program), {}, signal);
      await host.run(silently(`${runtime} run -d -b /ct/${name} ${name}`), {}, signal);
    }
    await counts(host, name);
  };
  const stateOf = async (name: string): Promise<{ readonly pid: number; readonly id: string } | undefined> => {
    const { json } = await host.lifeboat('container', 'list');
    const list = json['containers'] as readonly { name: string; state: string; pid: number; id: string }[];
    return list.find((one) => one.name === name && one.state === 'running');
  };
  const rulesOf = async (name: string): Promise<string> => {
    const place = `nsenter --net=/proc/${(await stateOf(name))?.pid}/ns/net`;
    return await run(`${place} nft list ruleset; ${place} iptables -S 2>/dev/null || :`);
  };
  const checkpoint = ['container', 'checkpoint', 'one', '--output', '/srv/one.tar'] as const;
  const restore = ['container', 'restore', '/srv/one.tar', '--unsigned'] as const;
  const left = async (): Promise<readonly string[]> =>
    (await host.things()).filter((path) => /^\/srv\/one\.tar\.[^/]*$/.test(path));

  test.each([
    ['crun', 'checkpoint'],
    ['runc', 'restore'],
    ['podman', 'restore'],
  ] as const)(
    '%s: all three killed when all is written and the network locked: the next %s takes the rules away',
    async (runtime, by) => {
      await start(runtime, 'one');
      const all = ['lifeboat', 'runtime', 'criu'] as const;
      await killedAt(host, { notification: 'post-dump' }, all, checkpoint);
      expect(await rulesOf('one')).toContain('CRIU');
      expect(await left()).toHaveLength(1);
      const next =
        by === 'restore' ? restore : ['container', 'checkpoint', 'one', '--output', '/srv/two.tar', '--leave-running'];
      const { json } = await host.lifeboat(...next);
      expect(json.error).toBeUndefined();
      expect(json['removed']).toContainEqual(expect.stringMatching(/tables in its network/));
      expect(await rulesOf('one')).not.toContain('CRIU');
      expect(await left()).toEqual([]);
      await counts(host, 'one');
    },
  );

  test.each(['runc', 'crun', 'podman'] as const)(
    '%s: all three killed in a restore: the same command removes what there was of it, and restores it',
    async (runtime) => {
      await start(runtime, 'one');
      expect((await host.lifeboat(...checkpoint)).json.error).toBeUndefined();
      await remove('one');
      await run('podman volume rm vol2 >/dev/null 2>&1 || :');
      const all = ['lifeboat', 'runtime', 'criu'] as const;
      await killedAt(host, { notification: 'setup-namespaces' }, all, restore);
      expect(await left()).toHaveLength(1);
      // CRIU has the hierarchies of all cgroups mounted in the directory that is to be removed.
      const mounted = await run('grep -c " /srv/one.tar.*cgyard" /proc/self/mountinfo || :');
      expect(Number(mounted) > 0).toBe(runtime !== 'podman');
      const { json } = await host.lifeboat(...restore);
      expect(json.error).toBeUndefined();
      expect((await host.tried(['test', '-s', '/ct/rootfs/bin/busybox'])).code).toBe(0);
      expect(json['removed']).toContainEqual(expect.stringMatching(/^\/srv\/one\.tar\./));
      await counts(host, 'one');
      expect(await left()).toEqual([]);
      await remove('one');
      await run('rm -rf /srv/* /ct/one /ct/rootfs/tmp/*; podman volume rm -f vol2 >/dev/null 2>&1 || :');
      expect(await host.things()).toEqual(before);
    },
  );

  test('lifeboat alone killed in a restore: the container runs, and the same command says so and cleans up', async () => {
    await start('crun', 'one');
    expect((await host.lifeboat(...checkpoint)).json.error).toBeUndefined();
    await remove('one');
    await killedAt(host, { notification: 'setup-namespaces' }, ['lifeboat'], restore);
    await counts(host, 'one');
    expect(await left()).toHaveLength(1);
    const { code, json } = await host.lifeboat(...restore);
    expect({ code, json }).toMatchObject({ code: 0, json: { id: 'one' } });
    expect(await left()).toEqual([]);
    await counts(host, 'one');
  });

  test('killed while the file was being read: nothing but its copy is removed, also where the file is gone', async () => {
    await start('crun', 'one');
    expect((await host.lifeboat(...checkpoint)).json.error).toBeUndefined();
    await remove('one');
    await killedAt(host, { tool: 'tar', words: '*--extract*--no-overwrite-dir*' }, ['lifeboat', 'criu'], restore);
    expect(await left()).toHaveLength(1);
    await run('mv /srv/one.tar /srv/kept');
    const { json } = await host.lifeboat(...restore);
    expect(json.error).toMatchObject({ code: 'not-found', message: expect.stringContaining('/srv/one.tar.') });
    expect(await left()).toEqual([]);
  });

  test('an interrupted checkpoint heeds what is asked of its container, or says that it does not', async () => {
    await start('crun', 'one', true);
    const packing = { tool: 'tar', words: '*--create*archive.tar*' } as const;
    await killedAt(host, packing, ['lifeboat', 'criu'], [...checkpoint, '--tcp=keep']);
    expect(await stateOf('one')).toBeUndefined();
    const named = await host.lifeboat(...restore, '--name', 'two');
    expect(named).toMatchObject({
      code: 5,
      json: { error: { message: expect.stringContaining('under its own name') } },
    });
    expect([await left(), await stateOf('one')]).toEqual([[expect.anything()], undefined]);
    // The program of the test ends when it finds its connection closed.
    expect((await host.lifeboat(...restore, '--tcp=close')).json).toMatchObject({ name: 'one' });
    await expect.poll(async () => await stateOf('one'), { timeout: 10_000 }).toBeUndefined();
    await remove('one');
    await start('crun', 'one', true);
    await killedAt(host, packing, ['lifeboat', 'criu'], [...checkpoint, '--tcp=close']);
    const kept = await host.lifeboat(...restore, '--tcp=keep');
    expect(kept).toMatchObject({ code: 5, json: { error: { message: expect.stringContaining('not kept') } } });
    expect(await left()).toHaveLength(1);
  });

  test('podman cannot close connections of an interrupted checkpoint, and says so', async () => {
    await start('podman', 'one', true);
    const ended = { tool: 'tar', words: '*--list*archive.tar*' } as const;
    await killedAt(host, ended, ['lifeboat', 'criu'], [...checkpoint, '--tcp=keep']);
    expect(await stateOf('one')).toBeUndefined();
    const closed = await host.lifeboat(...restore, '--tcp=close');
    expect(closed).toMatchObject({ code: 5, json: { error: { message: expect.stringContaining('cannot close') } } });
    expect((await host.lifeboat(...restore, '--keep-volumes')).json.error).toBeUndefined();
    await counts(host, 'one');
    expect(await left()).toEqual([]);
  });
});
