/** Containers that cannot be dumped: stopped, copied, and started from their beginning, where somebody agrees. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Argv } from '../../src/host/host.ts';
import { type CheckpointHost, checkpointHost, countIn, counts } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { bundle, counting, shell, silently, words } from '../helpers/container-programs.ts';
import { signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

const name = 'stubborn';
const file = '/srv/stubborn.tar';

/** It ends when it is asked to. */
const program = (share: string): readonly string[] => [
  'sh',
  '-c',
  `criu-probe work ${share}/${name} & trap 'exit 0' TERM; wait`,
];

describe.skipIf(obstacle !== undefined)(`containers that are stopped and copied${why}`, () => {
  let host: CheckpointHost;
  let before: readonly string[];
  beforeAll(async () => {
    host = await checkpointHost();
    // As podman has it elsewhere: a tree for each layer would hide what overlays do.
    await run(
      'mkdir -p /var/lib/containers && mount -t tmpfs none /var/lib/containers && sed -i s/vfs/overlay/ /etc/containers/storage.conf',
    );
    await run('mkdir -p /ct/rootfs/opt/app /ct/rootfs/opt/link; echo old > /ct/rootfs/opt/app/old');
    await run('tar -C /ct/rootfs --exclude=./tmp/* -c . | podman import - localhost/bb >/dev/null 2>&1');
    before = await host.things();
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());

  const run = async (script: string): Promise<string> =>
    (await host.run(shell(script), { timeoutMs: 60_000 }, signal)).stdout.toString();
  const podman = async (script: string): Promise<string> => (await run(`podman exec ${name} sh -c '${script}'`)).trim();

  const ways = {
    // Connections of which nobody says what becomes of them.
    crun: {
      start: [bundle(name, program('/tmp')), silently(`crun run -d -b /ct/${name} ${name}`)],
      remove: shell(`crun delete --force ${name} 2>/dev/null || :`),
    },
    podman: {
      start: [
        silently(
          `podman run -d --name ${name} --network none -v /ct/rootfs/tmp:/share -v kept:/data -v /other localhost/bb ${words(program('/share'))}`,
        ),
      ],
      remove: shell(
        `podman rm --force --ignore --time 0 ${name} && podman volume prune --force && podman volume rm --force kept`,
      ),
    },
  } satisfies Record<string, { readonly start: readonly Argv[]; readonly remove: Argv }>;

  async function start(runtime: keyof typeof ways): Promise<void> {
    for (const argv of ways[runtime].start) await host.run(argv, {}, signal);
    await counts(host, name);
  }

  const checkpoint = async (...more: readonly string[]) =>
    await host.lifeboat('container', 'checkpoint', name, '--output', file, '--stop-instead', ...more);

  async function digest(...more: readonly string[]): Promise<string> {
    const { json } = await host.lifeboat(
      '--dry-run',
      'container',
      'checkpoint',
      name,
      '--output',
      file,
      '--stop-instead',
      ...more,
    );
    expect(json['stoppedFor']).toContainEqual(expect.stringContaining('2 open TCP connections'));
    return String(json['digest']);
  }

  afterEach(async () => {
    for (const { remove } of Object.values(ways)) await host.run(remove, {}, signal);
    await run(`rm -rf ${file} /srv/faulty /ct/${name} /ct/rootfs/tmp/${name}`);
    expect(await host.things()).toEqual(before);
  });

  test.each(['crun', 'podman'] as const)('%s: nobody agrees, and it runs on', async (runtime) => {
    await start(runtime);
    expect(await checkpoint()).toMatchObject({
      code: 5,
      json: { error: { code: 'refused', message: expect.stringContaining('1 thing would be stopped') } },
    });
    expect(await checkpoint('--yes')).toMatchObject({ code: 5 });
    await counts(host, name);
  });

  test.each(['crun', 'podman'] as const)('%s: it is started again, and later made from its copy', async (runtime) => {
    await start(runtime);
    await new Promise((done) => setTimeout(done, 1000));
    const agreed = await digest('--leave-running');
    const stood = await countIn(host, name);
    const made = await checkpoint('--leave-running', `--yes=${agreed}`);
    expect(made).toMatchObject({ code: 0, json: { withoutMemory: true, leftRunning: true } });
    expect(made.json).not.toHaveProperty('criu');
    expect(await counts(host, name)).toBeLessThan(stood);
    expect((await host.tried(['stat', '-c', '%a', file])).said.trim()).toBe('600');
    const taken = await host.lifeboat('container', 'restore', file, '--unsigned');
    expect(taken).toMatchObject({ code: 5, json: { error: { message: expect.stringContaining('already') } } });
    await host.run(ways[runtime].remove, {}, signal);
    const restored = await host.lifeboat('container', 'restore', file, '--unsigned');
    expect(restored).toMatchObject({ code: 0, json: { withoutMemory: true, name } });
    await counts(host, name);
  });

  test('podman: what it has changed, deleted and put into its volumes is there again, under another name too', async () => {
    await start('podman');
    await podman(
      'mkdir -p /var/lib/app && echo one > /var/lib/app/file && chmod 640 /var/lib/app/file && chown 33:44 /var/lib/app/file',
    );
    await podman(
      'rm /bin/nc && ln -s /etc /to-etc && echo two > /data/file && echo three > /other/file && echo "odd \n" > "/a b"',
    );
    await podman('rm -rf /opt/app /opt/link; mkdir -m 700 /opt/app; echo new > /opt/app/new; ln -s /etc /opt/link');
    expect(await checkpoint(`--yes=${await digest()}`)).toMatchObject({ code: 0, json: { leftRunning: false } });
    expect((await run('podman ps -q')).trim()).toBe('');
    await host.run(ways.podman.remove, {}, signal);
    const restored = await host.lifeboat('container', 'restore', file, '--unsigned', '--name', 'again');
    expect(restored).toMatchObject({ code: 0, json: { name: 'again' } });
    const inside = async (script: string): Promise<string> => (await run(`podman exec again sh -c '${script}'`)).trim();
    expect(await inside('cat /var/lib/app/file; busybox stat -c "%a %u %g" /var/lib/app/file')).toBe('one\n640 33 44');
    expect(await inside('test -e /bin/nc || echo gone')).toBe('gone');
    expect(await inside('busybox ls /opt/app; busybox stat -c %a /opt/app; busybox readlink /opt/link')).toBe(
      'new\n700\n/etc',
    );
    expect(await inside('cat /data/file /other/file; readlink /to-etc 2>/dev/null || busybox readlink /to-etc')).toBe(
      'two\nthree\n/etc',
    );
    expect(await inside('busybox ls /')).toContain('a b');
    await run('podman rm --force --time 0 again');
  });

  test('podman: what changed nothing, too', async () => {
    await run(
      `podman run -d --name ${name} --network none localhost/bb sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' </dev/null >/dev/null 2>&1`,
    );
    const stop = ['container', 'checkpoint', name, '--output', file, '--stop'] as const;
    const { json } = await host.lifeboat('--dry-run', ...stop);
    expect(json['stoppedFor']).toEqual([expect.stringContaining('also where it could be dumped')]);
    expect(await host.lifeboat(...stop, `--yes=${String(json['digest'])}`)).toMatchObject({ code: 0 });
    await run(`podman rm ${name}`);
    expect(await host.lifeboat('container', 'restore', file, '--unsigned')).toMatchObject({ code: 0 });
    expect((await run('podman ps --format {{.Names}}')).trim()).toBe(name);
  });

  test('what was agreed to is one container, its reasons, and whether it is started again', async () => {
    await start('crun');
    const agreed = await digest();
    expect(await checkpoint('--leave-running', `--yes=${agreed}`)).toMatchObject({ code: 5 });
    await counts(host, name);
  });

  test('lifeboat is killed while one that takes its time is being stopped: the next command starts it again', async () => {
    const slow = `criu-probe work /tmp/${name} & trap 'sleep 3; exit 0' TERM; wait`;
    await host.run(bundle(name, ['sh', '-c', slow]), {}, signal);
    await host.run(silently(`crun run -d -b /ct/${name} ${name}`), {}, signal);
    await counts(host, name);
    const agreed = await digest();
    const argv = [...host.lifeboatArgv, 'container', 'checkpoint', name, '--output', file, '--stop-instead'] as const;
    await host.tried(['timeout', '-s', 'KILL', '2', ...argv, `--yes=${agreed}`]);
    const back = await host.tried([...host.lifeboatArgv, 'container', 'restore', file, '--unsigned']);
    expect(back.said).toContain('was started from its beginning');
    await counts(host, name);
    await new Promise((done) => setTimeout(done, 4000));
    await counts(host, name);
  });

  test('one with a terminal is not stopped, as nothing could start it again', async () => {
    await host.run(bundle(name, program('/tmp')), {}, signal);
    await host.run(silently(`crun run -d -b /ct/${name} ${name}`), {}, signal);
    await counts(host, name);
    await run(`sed -i 's/"terminal": false/"terminal": true/' /ct/${name}/config.json`);
    expect(await checkpoint()).toMatchObject({
      code: 5,
      json: { error: { message: expect.stringContaining('terminal') } },
    });
    await counts(host, name);
  });

  test('podman: what its own export would lose is found before anything is frozen', async () => {
    const waiting = `trap "exit 0" TERM; while :; do sleep 0.1; done`;
    await run(`podman run -d --name ${name} --network none localhost/bb sh -c '${waiting}' </dev/null >/dev/null 2>&1`);
    await podman('rm -rf /opt/app; mkdir /opt/app; echo new > /opt/app/new');
    expect(await host.lifeboat('container', 'checkpoint', name, '--output', file)).toMatchObject({
      code: 5,
      json: { error: { message: expect.stringContaining('/opt/app was removed and made again') } },
    });
  });

  test('podman: what would be gone when it is stopped is not stopped', async () => {
    await run(
      `podman run -d --rm --name ${name} --network none -v /ct/rootfs/tmp:/share localhost/bb criu-probe work /share/${name} </dev/null >/dev/null 2>&1`,
    );
    await counts(host, name);
    expect(await checkpoint('--yes')).toMatchObject({
      code: 5,
      json: { error: { code: 'refused', message: expect.stringContaining('--rm') } },
    });
    await counts(host, name);
  });

  test('without CRIU, too', async () => {
    await start('crun');
    await run('mv /usr/sbin/criu /usr/sbin/no-criu');
    try {
      const plain = await host.lifeboat('container', 'checkpoint', name, '--output', file);
      expect(plain).toMatchObject({ json: { error: { code: 'tool-missing', message: 'CRIU is not installed here' } } });
      const dry = await host.lifeboat('--dry-run', 'container', 'checkpoint', name, '--output', file, '--stop-instead');
      expect(dry.json).toMatchObject({ stoppedFor: ['CRIU is not installed here'] });
      expect(await checkpoint(`--yes=${String(dry.json['digest'])}`)).toMatchObject({ code: 0 });
      await run(`crun delete --force ${name}`);
      expect(await host.lifeboat('container', 'restore', file, '--unsigned')).toMatchObject({ code: 0 });
      await counts(host, name);
    } finally {
      await run('mv /usr/sbin/no-criu /usr/sbin/criu');
    }
  });

  test('lifeboat is killed while it is stopped: it is started again by the next command', async () => {
    await start('crun');
    const agreed = await digest();
    const killing = '#!/bin/sh\nkill -9 $PPID\n';
    await host.write('/srv/tar', Buffer.from(killing), { mode: 0o755 }, signal);
    await run('mkdir /srv/faulty && mv /srv/tar /srv/faulty/tar');
    const env = ['env', 'PATH=/srv/faulty:/usr/sbin:/usr/bin'] as const;
    const args = ['container', 'checkpoint', name, '--output', file, '--stop-instead', `--yes=${agreed}`] as const;
    await host.tried([...env, ...host.lifeboatArgv, ...args]);
    expect(await run(`crun list | grep -c running || :`)).toBe('0\n');
    const back = await host.tried([...host.lifeboatArgv, 'container', 'restore', file, '--unsigned']);
    expect(back.said).toContain('was started from its beginning');
    await counts(host, name);
  });

  test('what cannot be copied runs again', async () => {
    await start('crun');
    const agreed = await digest();
    await run('mkdir /srv/faulty; printf "#!/bin/sh\\nexit 1\\n" > /srv/faulty/tar; chmod 755 /srv/faulty/tar');
    const env = ['env', 'PATH=/srv/faulty:/usr/sbin:/usr/bin'] as const;
    const args = ['container', 'checkpoint', name, '--output', file, '--stop-instead', `--yes=${agreed}`] as const;
    const failed = await host.tried([...env, ...host.lifeboatArgv, ...args]);
    expect(failed.said).toContain('had been stopped, and was started again');
    await counts(host, name);
  });

  test('a container that containerd runs by runc is left to it', async () => {
    await host.run(bundle(name, ['sh', '-c', counting, `/tmp/${name}`]), {}, signal);
    const root = '/run/containerd/runc/default';
    await run(`mkdir -p ${root}; runc --root ${root} run -d -b /ct/${name} ${name} </dev/null >/dev/null 2>&1`);
    await counts(host, name);
    for (const more of [[], ['--stop-instead']]) {
      const refused = await host.lifeboat(
        'container',
        'checkpoint',
        name,
        '--output',
        file,
        '--leave-running',
        ...more,
      );
      expect(refused).toMatchObject({ code: 5, json: { error: { message: expect.stringContaining("containerd's") } } });
    }
    await counts(host, name);
    await run(`runc --root ${root} delete --force ${name}; rm -rf /run/containerd`);
  });

  test('podman: one of a pod goes back into it, dumped or copied, or into another one', async () => {
    const pod = (called: string): string =>
      `podman pod create --name ${called} --network none --share net,ipc,uts --infra-image localhost/bb --infra-command "/bin/sleep 1000"`;
    await run(pod('shop'));
    const start = `podman run -d --pod shop --name ${name} -v /ct/rootfs/tmp:/share localhost/bb ${words(['sh', '-c', counting, `/share/${name}`])}`;
    await host.run(silently(start), {}, signal);
    const podOf = async (): Promise<string> => (await run(`podman ps --pod --format '{{.Names}} {{.PodName}}'`)).trim();
    await counts(host, name);
    const dump = await host.lifeboat('container', 'checkpoint', name, '--output', file);
    expect(dump.json.error).toBeUndefined();
    await run(`podman rm ${name}`);
    expect((await host.lifeboat('container', 'restore', file, '--unsigned')).json.error).toBeUndefined();
    await counts(host, name);
    expect(await podOf()).toContain(`${name} shop`);
    await run(`podman rm --force --time 0 ${name}; podman pod rm --force --time 0 shop`);
    const missing = await host.lifeboat('container', 'restore', file, '--unsigned');
    expect(missing.json.error?.message).toMatch(
      /the pod shop is not here: make it \(it was made by: podman pod create/,
    );
    await run(pod('other'));
    expect(
      (await host.lifeboat('container', 'restore', file, '--unsigned', '--pod', 'other')).json.error,
    ).toBeUndefined();
    await counts(host, name);
    expect(await podOf()).toContain(`${name} other`);
    await run(`podman rm --force --time 0 ${name}; podman pod rm --force --time 0 other`);
    // Podman leaves those of its pods.
    await run(
      'find /sys/fs/cgroup -depth -mindepth 3 -type d -path "*/libpod_parent/*" -exec rmdir {} + 2>/dev/null || :',
    );
  });

  test('no room for its memory is a reason to stop it, as what is copied may take less', async () => {
    await start('crun');
    await run('mkdir -p /srv/small; mount -t tmpfs -o size=8m none /srv/small');
    try {
      const args = ['container', 'checkpoint', name, '--output', '/srv/small/a.tar', '--tcp=keep'];
      expect(await host.lifeboat(...args)).toMatchObject({ json: { error: { code: 'no-space' } } });
      const { json } = await host.lifeboat('--dry-run', ...args, '--stop-instead');
      expect(json['stoppedFor']).toEqual([expect.stringContaining('free')]);
      expect(await host.lifeboat(...args, '--stop-instead', `--yes=${String(json['digest'])}`)).toMatchObject({
        code: 0,
        json: { withoutMemory: true },
      });
    } finally {
      await run('umount /srv/small; rmdir /srv/small');
    }
  });

  test('a bundle that was changed since is no bundle to restore from', async () => {
    await start('crun');
    const made = await host.lifeboat('container', 'checkpoint', name, '--output', file, '--tcp=keep');
    expect(made.json.error).toBeUndefined();
    await run(`crun delete --force ${name}; sed -i.kept 's/TERM=xterm/TERM=vt100/' /ct/${name}/config.json`);
    const refused = await host.lifeboat('container', 'restore', file, '--unsigned');
    expect(refused).toMatchObject({
      code: 5,
      json: { error: { message: expect.stringContaining('is not what it was') } },
    });
    expect(await run(`tar -xOf ${file} ./spec.dump`)).toBe(await run(`cat /ct/${name}/config.json.kept`));
    await run(`mv /ct/${name}/config.json.kept /ct/${name}/config.json`);
    expect((await host.lifeboat('container', 'restore', file, '--unsigned')).json.error).toBeUndefined();
    await counts(host, name);
  });
});
