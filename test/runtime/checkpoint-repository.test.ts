/** Checkpoints in a repository: as secret as everything there, brought back here and where there is nothing but the code, and no points of the host. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decryptBytes } from '../../src/age/age.ts';
import { decompressing } from '../../src/engine/zstd.ts';
import type { Argv } from '../../src/host/host.ts';
import { derive } from '../../src/keys/derive.ts';
import { parseRecoveryCode } from '../../src/keys/recovery-code.ts';
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
    expect(await run(`grep -rlF ${secret} /var/lib/lifeboat 2>/dev/null || echo none`)).toBe('none\n');
    // Compressed, no search would find it: so whether each object is sealed, and that it is there once it is opened.
    const objects = (await run(`find /srv/repo -type f -name '*${(await checkpoints())[0]?.id}*'`)).trim().split('\n');
    expect(objects.length).toBeGreaterThanOrEqual(3);
    const { identity } = derive(parseRecoveryCode(code).secret);
    let opened = 0;
    for (const path of objects) {
      expect(path).toMatch(/\.age$/);
      const sealed = await host.read(path, {}, signal);
      expect(sealed.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n/);
      if (path.endsWith('.tar.zst.age')) {
        const frames = async function* () {
          yield decryptBytes(sealed, [identity]);
        };
        const plain = Buffer.concat(await Array.fromAsync(decompressing(frames()), (bytes) => Buffer.from(bytes)));
        if (plain.includes(secret)) opened += 1;
      }
    }
    expect(opened).toBe(1);
    expect(await run('find /var/lib/lifeboat/checkpoints -type f')).toBe('');

    // Podman keeps one that has ended.
    await run('podman rm web');
    const back = await host.lifeboat(...own, 'container', 'restore', 'web');
    expect(back.json).toMatchObject({ format: 'lifeboat.restored/1', name: 'web', runtime: 'podman' });
    expect(back.json['checkpoint']).toBe((await checkpoints())[0]?.id);
    expect(back.json['file']).toBeUndefined();
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
    const looked = (await host.lifeboat('--dry-run', ...forget)).json;
    expect(looked).toMatchObject({ checkpoint: older?.id, dryRun: true });
    expect(looked['forgotten']).toBeUndefined();
    const { digest } = z.object({ digest: z.string() }).parse(looked);
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
    expect(failed.json.error?.hint).toContain(
      `web has ended; its checkpoint is in ${file}: lifeboat container restore ${file}`,
    );
    expect(await run('podman ps -q')).toBe('');
    const runId = z.object({ run: z.object({ id: z.string() }) }).parse(failed.json).run.id;

    expect((await host.lifeboat(...own, 'runs', 'resume', runId)).json.error).toBeDefined();
    expect(await run(`test -f ${file} && echo there`)).toBe('there\n');
    await run('mv /srv/away /srv/repo');
    const { json } = await host.lifeboat(...own, 'container', 'checkpoints');
    expect(json['left']).toEqual([{ file, state: 'unstored', container: 'web' }]);
    const resumed = await host.lifeboat(...own, 'runs', 'resume', runId);
    expect(resumed.json).toMatchObject({ format: 'lifeboat.checkpointed/1', container: { name: 'web' } });
    expect(resumed.json.error).toBeUndefined();
    expect(resumed.json['run']).toMatchObject({ findings: [{ subject: 'recovery code' }], owed: [] });
    expect(await run('find /var/lib/lifeboat/checkpoints -mindepth 1')).toBe('');
    await run('podman rm web');
    expect((await host.lifeboat(...own, 'container', 'restore', 'web')).json.error).toBeUndefined();
    expect(await run('podman inspect --format {{.State.Status}} web')).toBe('running\n');
  });

  test('one that was killed while it was made is named, and kept from being made anew over what is left', async () => {
    const file = '/var/lib/lifeboat/checkpoints/20261101T000000Z-aaaaaa.tar';
    const { stdout } = await host.run([...host.lifeboatArgv, '--json', 'container', 'list'], {}, signal);
    const all = z
      .object({ containers: z.array(z.looseObject({ name: z.string() })) })
      .parse(JSON.parse(stdout.toString()));
    const intent = {
      format: 'lifeboat.checkpoint-begun/1',
      container: all.containers.find(({ name }) => name === 'web'),
    };
    await run(`mkdir -p -m 700 ${file}.abcdefgh; mkdir ${file}.abcdefgh/lifeboat`);
    await host.write(`${file}.abcdefgh/lifeboat/intent.json`, Buffer.from(JSON.stringify(intent)), {}, signal);
    const { json } = await host.lifeboat(...own, 'container', 'checkpoints');
    expect(json['left']).toEqual([{ file, state: 'interrupted', container: 'web' }]);

    const next = await host.lifeboat(...own, 'container', 'checkpoint', 'web', '--leave-running');
    expect(next.code).toBe(4);
    const said = next.json.run?.findings ?? [];
    expect(said).toContainEqual(expect.objectContaining({ subject: file }));
    expect((await host.lifeboat(...own, 'container', 'restore', file)).json.error).toBeUndefined();

    // Of the run itself: something like a kill between the beginning of its dump and the end of that.
    const hook = '/srv/own/hooks.d/checkpoint/freeze.before.d/10-killed';
    await host.write('/srv/intent.json', Buffer.from(JSON.stringify(intent)), {}, signal);
    const script = [
      '#!/bin/sh',
      `id=$(tr ',' '\\n' | sed -n 's/.*"pointId":"\\([^"]*\\)".*/\\1/p')`,
      'at=/var/lib/lifeboat/checkpoints/$id.tar.abcdefgh',
      'mkdir -p -m 700 $at; mkdir $at/lifeboat; cp /srv/intent.json $at/lifeboat/',
    ];
    await run(`mkdir -p ${hook.replace(/[^/]+$/, '')}`);
    await host.write(hook, Buffer.from(`${script.join('\n')}\n`), {}, signal);
    await run(`chmod 755 ${hook}`);
    const begun = await host.lifeboat(...own, 'container', 'checkpoint', 'web', '--leave-running');
    await run('rm -r /srv/own/hooks.d');
    expect(begun.json.error?.message).toContain('was interrupted');
    const made = /lifeboat container restore (\S+\.tar)/.exec(begun.json.error?.hint ?? '')?.[1] ?? '';
    expect((await host.lifeboat(...own, 'container', 'restore', made)).json.error).toBeUndefined();
    const on = await host.lifeboat(...own, 'runs', 'resume', begun.json.run?.id ?? '');
    expect(on.json).toMatchObject({ format: 'lifeboat.checkpointed/1', leftRunning: true });
    expect(await run('find /var/lib/lifeboat/checkpoints -mindepth 1')).toBe('');
  });

  test('memory that a killed restore left goes with the next; not that of one which is under way', async () => {
    const at = '/var/lib/lifeboat/checkpoints';
    await run(
      `for one in restore-killed restore-atwork; do mkdir -p -m 700 ${at}/$one/data; echo x > ${at}/$one/data/memory; touch -d '1 hour ago' ${at}/$one/lock; done
       flock ${at}/restore-atwork/lock sleep 1000 </dev/null >/dev/null 2>&1 & echo $! > /srv/holder; sleep 0.5`,
    );
    // As the root of a container is that was half made, or the cgroups of the host.
    await run(
      `mkdir -p /srv/precious ${at}/restore-killed/data/x; touch /srv/precious/file; mount --bind /srv/precious ${at}/restore-killed/data/x`,
    );
    const [one] = await checkpoints();
    const looked = await host.lifeboat(...own, '--dry-run', 'container', 'restore', one?.id ?? '', '--name', 'other');
    expect(looked.json.error).toBeUndefined();
    expect(await run(`ls ${at} /srv/precious`)).toBe(`/srv/precious:\nfile\n\n${at}:\nrestore-atwork\n`);
    await run('rm -r /srv/precious');
    await run(`kill $(cat /srv/holder) $(cat /proc/$(cat /srv/holder)/task/*/children); rm -r ${at}/restore-atwork`);
  });

  test('where there is no room for it, nothing is fetched', async () => {
    const [one] = await checkpoints();
    await run('mkdir -p /srv/small; mount -t tmpfs -o size=64k none /srv/small');
    const restore = ['container', 'restore', one?.id ?? '', '--name', 'other'] as const;
    const { json } = await host.lifeboat(...own, '--state-dir', '/srv/small', ...restore);
    expect(json.error?.code).toBe('no-space');
    expect(json.error?.message).toMatch(/on its way, and .* free$/);
    expect(await run('find /srv/small/checkpoints -mindepth 1')).toBe('');
    await run('umount /srv/small; rmdir /srv/small');
  });

  test('records that cannot be read are counted, and a name is not taken for an older one', async () => {
    const name = '20991101T000000Z-bbbbbb';
    const folder = '/srv/repo/lifeboat/box/checkpoints';
    await run(`echo nonsense > ${folder}/${name}$(ls ${folder} | head -1 | sed 's/^[^.]*//')`);
    const refused = await host.lifeboat(...own, '--dry-run', 'container', 'restore', 'web');
    expect(refused.json.error).toMatchObject({ code: 'refused' });
    expect(refused.json.error?.message).toContain(name);
    const next = await host.lifeboat(...own, 'container', 'checkpoint', 'web', '--leave-running');
    expect(next.json.run?.findings).toContainEqual(
      expect.objectContaining({ problem: expect.stringContaining('1 of the checkpoints could not be looked at') }),
    );
    await run(`rm ${folder}/${name}*`);
  });

  test('one that is stopped and copied is stored like one that was dumped, by consent', async () => {
    const program = 'trap "exit 0" TERM; echo kept > /kept; while :; do sleep 0.1; done';
    await run(`podman run -d --name soft --network none localhost/bb sh -c '${program}' </dev/null >/dev/null 2>&1`);
    const stop = ['container', 'checkpoint', 'soft', '--stop'] as const;
    expect(await host.lifeboat(...own, ...stop)).toMatchObject({ code: 5, json: { error: { code: 'refused' } } });
    const { json: look } = await host.lifeboat(...own, '--dry-run', ...stop);
    const made = await host.lifeboat(...own, ...stop, `--yes=${String(look['digest'])}`);
    expect(made.json).toMatchObject({ withoutMemory: true, leftRunning: false, container: { name: 'soft' } });
    await run('podman rm soft');
    expect((await host.lifeboat(...own, 'container', 'restore', 'soft')).json).toMatchObject({ withoutMemory: true });
    expect(await run('podman exec soft cat /kept')).toBe('kept\n');
    await run('podman rm --force --time 0 soft');
  });

  test('to look only asks for what the real one does', async () => {
    const none = await host.lifeboat('--config', '/srv/none.yaml', '--dry-run', 'container', 'checkpoint', 'web');
    expect(none.json.error).toBeDefined();
    await run('rmdir /var/lib/lifeboat/checkpoints');
    const looked = await host.lifeboat(...own, '--dry-run', 'container', 'checkpoint', 'web');
    expect(looked.json.error).toBeUndefined();
    expect(looked.json['dryRun']).toBe(true);
  });
});
