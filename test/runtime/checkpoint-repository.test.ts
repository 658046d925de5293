/** Checkpoints in a repository: as secret as everything there, brought back here and where there is nothing but the code, and no points of the host. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Argv } from '../../src/host/host.ts';
import { type CheckpointHost, checkpointHost } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

const secret = 'unmistakable-in-memory';
const listed = z.object({
  checkpoints: z.array(z.object({ id: z.string(), container: z.object({ name: z.string() }) })),
});

describe.skipIf(obstacle !== undefined)(`checkpoints in a repository${why}`, () => {
  let host: CheckpointHost;
  let code: string;
  beforeAll(async () => {
    host = await checkpointHost();
    await run('tar -C /ct/rootfs -c . | podman import - localhost/bb >/dev/null 2>&1');
    const program = 'i=0; while :; do i=$((i+1)); echo $i > /tmp/count; sleep 0.1; done';
    await run(
      `podman run -d --name web --network none -e DB_PASSWORD=${secret} localhost/bb sh -c '${program}' </dev/null >/dev/null 2>&1`,
    );
    const init = ['init', '--repository', 'file:///srv/repo', '--host', 'box', '--include', '/ct'] as const;
    const { json } = await host.lifeboat(...own, ...init);
    code = z.object({ recovery: z.object({ code: z.string() }) }).parse(json).recovery.code;
    await run('echo "checkpoints: { keep: 2 }" >> /srv/own/lifeboat.yaml');
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  const own = ['--config', '/srv/own/lifeboat.yaml'] as const;
  const run = async (script: string): Promise<string> => {
    const argv: Argv = ['sh', '-c', script];
    return (await host.run(argv, { timeoutMs: 60_000 }, signal)).stdout.toString();
  };
  const count = async (name: string): Promise<number> => Number(await run(`podman exec ${name} cat /tmp/count`));
  const checkpoints = async () =>
    listed.parse((await host.lifeboat(...own, 'container', 'checkpoints')).json).checkpoints;
  const elsewhere = async (...args: readonly string[]) => {
    const [program, ...words] = host.lifeboatArgv;
    const options = [
      '--json',
      '--repository',
      'file:///srv/repo',
      '--host',
      'box',
      '--state-dir',
      '/srv/elsewhere',
    ] as const;
    const { code: status, said } = await host.tried([
      'env',
      `LIFEBOAT_RECOVERY_CODE=${code}`,
      program ?? '',
      ...words,
      ...options,
      ...args,
    ]);
    return { status, said };
  };

  test('it ends, and runs on from where it was; nothing of its memory can be read there', async () => {
    const before = await count('web');
    const { json } = await host.lifeboat(...own, 'container', 'checkpoint', 'web');
    expect(json).toMatchObject({ leftRunning: false, container: { name: 'web', runtime: 'podman' } });
    expect(await run('podman ps -q')).toBe('');
    expect(await run(`grep -rlF ${secret} /srv/repo /var/lib/lifeboat 2>/dev/null || echo none`)).toBe('none\n');
    expect(await run('find /var/lib/lifeboat/checkpoints -type f')).toBe('');

    // Podman keeps one that has ended.
    await run('podman rm web');
    const back = await host.lifeboat(...own, 'container', 'restore', 'web');
    expect(back.json).toMatchObject({ format: 'lifeboat.restored/1', name: 'web', runtime: 'podman' });
    expect(await count('web')).toBeGreaterThan(before);
    expect(await run('podman inspect --format {{.State.Status}} web')).toBe('running\n');
    expect(await run('find /var/lib/lifeboat/checkpoints -mindepth 1')).toBe('');
  });

  test('the last ones are kept, as configured, and one is forgotten by consent', async () => {
    const first = (await checkpoints())[0]?.id ?? '';
    for (let left = 2; left > 0; left--) {
      const { json } = await host.lifeboat(...own, 'container', 'checkpoint', 'web', '--leave-running');
      expect(json.error).toBeUndefined();
      expect(json['forgotten']).toEqual(left === 1 ? [first] : []);
    }
    const [older, newer] = await checkpoints();
    expect(await run(`find /srv/repo -name '*${first}*'`)).toBe('');
    const forget = [...own, 'container', 'forget', older?.id ?? ''] as const;
    expect((await host.lifeboat(...forget)).json.error?.code).toBe('refused');
    const { digest } = z.object({ digest: z.string() }).parse((await host.lifeboat('--dry-run', ...forget)).json);
    expect((await host.lifeboat(`--yes=${digest}`, ...forget)).code).toBe(0);
    expect((await checkpoints()).map(({ id }) => id)).toEqual([newer?.id]);
    expect(await run(`find /srv/repo -name '*${older?.id}*'`)).toBe('');
  });

  test('it is no point of the host, and pruning these leaves it alone', async () => {
    expect((await host.lifeboat(...own, 'points', 'list')).json).toMatchObject({ points: [] });
    expect((await host.lifeboat(...own, '--yes', 'points', 'prune', '--grace', '0s')).json.error).toBeUndefined();
    const [one] = await checkpoints();
    expect(await run(`find /srv/repo/tar -name '*${one?.id}*' | wc -l`)).not.toBe('0\n');
  });

  test('another machine has nothing but the URL and the code: under another name it runs there', async () => {
    const [one] = await checkpoints();
    const { status, said } = await elsewhere('container', 'restore', one?.id.slice(0, 18) ?? '', '--name', 'again');
    expect({ status, said }).toMatchObject({ status: 0 });
    const before = await count('again');
    await run('sleep 0.5');
    expect(await count('again')).toBeGreaterThan(before);
    expect(await run('find /srv/elsewhere -type f -size +4k')).toBe('');
    await run('podman rm --force --time 0 again');
  });

  test('what was altered in the repository is not restored', async () => {
    const [one] = await checkpoints();
    const archive = (
      await run(`ls -S $(find /srv/repo/tar -type f -name '*${one?.id}*' -o -type f -path '*${one?.id}*') | head -1`)
    ).trim();
    await run(
      `cp ${archive} /srv/kept; half=$(($(stat -c %s ${archive}) / 2)); printf 'XYZ' | dd of=${archive} bs=1 seek=$half conv=notrunc status=none`,
    );
    const altered = await host.lifeboat(...own, 'container', 'restore', one?.id ?? '', '--name', 'bad');
    expect(altered.json.error?.code).toBe('archive-damaged');
    await run(`cp /srv/kept ${archive}`);
    const name = await host.lifeboat(...own, 'container', 'restore', 'nobody');
    expect(name.json.error?.code).toBe('not-found');
    expect(await run('podman ps -a --format {{.Names}}')).toBe('web\n');
    expect(await run('find /var/lib/lifeboat/checkpoints -mindepth 1')).toBe('');
  });

  test('one that could not be stored is gone on with once the repository is back', async () => {
    const hook = '/srv/own/hooks.d/checkpoint/freeze.after.d/10-away';
    await run(
      `mkdir -p ${hook.replace(/[^/]+$/, '')}; printf '#!/bin/sh\nmv /srv/repo /srv/away\n' > ${hook}; chmod 755 ${hook}`,
    );
    const failed = await host.lifeboat(...own, 'container', 'checkpoint', 'web');
    await run('rm -r /srv/own/hooks.d');
    expect(failed.json.error).toBeDefined();
    const file = (await run('ls /var/lib/lifeboat/checkpoints/*.tar')).trim();
    expect(await run('podman ps -q')).toBe('');
    const runId = z.object({ run: z.object({ id: z.string() }) }).parse(failed.json).run.id;

    expect((await host.lifeboat(...own, 'runs', 'resume', runId)).json.error).toBeDefined();
    expect(await run(`test -f ${file} && echo there`)).toBe('there\n');
    await run('mv /srv/away /srv/repo');
    const resumed = await host.lifeboat(...own, 'runs', 'resume', runId);
    expect(resumed.json).toMatchObject({ format: 'lifeboat.checkpointed/1', container: { name: 'web' } });
    expect(resumed.json.error).toBeUndefined();
    expect(resumed.json['run']).toMatchObject({ findings: [{ subject: 'recovery code' }], owed: [] });
    expect(await run('find /var/lib/lifeboat/checkpoints -mindepth 1')).toBe('');
    await run('podman rm web');
    expect((await host.lifeboat(...own, 'container', 'restore', 'web')).json.error).toBeUndefined();
    expect(await run('podman inspect --format {{.State.Status}} web')).toBe('running\n');
  });
});
