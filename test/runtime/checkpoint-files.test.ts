/** Files of checkpoints among hosts and tools: who signed them, podman's own, and what is missing where they are restored. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Argv } from '../../src/host/host.ts';
import { type CheckpointHost, checkpointHost } from '../helpers/checkpoint-host.ts';
import { containerObstacle } from '../helpers/container-host.ts';
import { signal } from './conformance.ts';

const obstacle = containerObstacle();
const why = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;

describe.skipIf(obstacle !== undefined)(`files of checkpoints${why}`, () => {
  let host: CheckpointHost;
  beforeAll(async () => {
    host = await checkpointHost();
    await run('tar -C /ct/rootfs -c . | podman import - localhost/bb >/dev/null 2>&1');
    await run(
      'podman run -d --name web --network none localhost/bb sh -c "while :; do sleep 1; done" </dev/null >/dev/null 2>&1',
    );
  }, 600_000);
  afterAll(() => host[Symbol.asyncDispose]());
  afterEach(async () => await run('rm -rf /srv/*'));

  const run = async (script: string): Promise<void> => {
    const argv: Argv = ['sh', '-c', script];
    await host.run(argv, { timeoutMs: 60_000 }, signal);
  };
  const made = async (...options: readonly string[]): Promise<void> => {
    const { json } = await host.lifeboat(
      ...options,
      'container',
      'checkpoint',
      'web',
      '--output',
      '/srv/web.tar',
      '--leave-running',
    );
    expect(json.error).toBeUndefined();
  };

  test('one that a known host has signed is restored, and nobody else’s', async () => {
    for (const box of ['one', 'other']) {
      const init = ['init', '--repository', `file:///srv/${box}`, '--host', 'box', '--include', '/ct'] as const;
      expect((await host.lifeboat('--config', `/srv/${box}.d/lifeboat.yaml`, ...init)).code).toBe(0);
    }
    const as = (box: string) => ['--config', `/srv/${box}.d/lifeboat.yaml`] as const;
    await made(...as('one'));
    const look = ['--dry-run', 'container', 'restore', '/srv/web.tar'] as const;
    expect((await host.lifeboat(...as('other'), ...look)).json).toMatchObject({ error: { code: 'untrusted' } });
    // It was judged, and the name is what is in the way.
    const known = await host.lifeboat(...as('one'), ...look);
    expect(known.json.error).toMatchObject({ code: 'refused', message: expect.stringContaining('podman rm') });
  });

  test('podman takes a file of lifeboat, and lifeboat one of podman where that is agreed to', async () => {
    await made();
    await run('podman container restore --import /srv/web.tar --name second >/srv/out 2>&1 </dev/null');
    expect((await host.tried(['podman', 'inspect', '--format', '{{.State.Status}}', 'second'])).said).toMatch(
      /^running\n/,
    );
    await run('podman rm --force --time 0 second');
    await run('podman container checkpoint --leave-running --export /srv/own.tar --compress none web >/dev/null 2>&1');
    const restore = ['container', 'restore', '/srv/own.tar', '--name', 'third'] as const;
    expect((await host.lifeboat(...restore)).json).toMatchObject({ error: { code: 'untrusted' } });
    expect((await host.lifeboat(...restore, '--unsigned')).json).toMatchObject({ runtime: 'podman', name: 'third' });
    await run('podman rm --force --time 0 third');
  });

  /** Does something when a program is called with these words; then the program itself runs. */
  const before = async (program: string, words: string, deed: string): Promise<void> => {
    const script = `#!/bin/sh\ncase "$*" in ${words}) ${deed}; touch /srv/reached ;; esac\nexec "$(PATH=/usr/sbin:/usr/bin command -v ${program})" "$@"\n`;
    await run('mkdir -p /srv/bin');
    await host.write(`/srv/bin/${program}`, Buffer.from(script), { mode: 0o755 }, signal);
  };
  const restoredAs = async (name: string) => {
    const through = ['env', 'PATH=/srv/bin:/usr/sbin:/usr/bin', ...host.lifeboatArgv] as const;
    const argv = [...through, '--json', 'container', 'restore', '/srv/web.tar', '--unsigned', '--name', name] as const;
    const { code, said } = await host.tried(argv);
    expect((await host.tried(['test', '-e', '/srv/reached'])).code).toBe(0);
    return { code, json: JSON.parse(said) };
  };
  const changed =
    'at=$(grep -abo "sleep 1" /srv/web.tar | head -n 1 | cut -d : -f 1); printf x | dd of=/srv/web.tar bs=1 seek="$at" conv=notrunc 2>/dev/null';

  test('a file that somebody changes after its signature was judged is not restored', async () => {
    await made();
    await before('criu', '*cpuinfo*check*', changed);
    expect(await restoredAs('new')).toMatchObject({ code: 1, json: { error: { code: 'archive-damaged' } } });
    expect((await host.tried(['podman', 'container', 'exists', 'new'])).code).toBe(1);
    expect((await host.things()).filter((one) => one.startsWith('/srv/web.tar.'))).toEqual([]);
  });

  test('what somebody changes in it after it was read is not restored either', async () => {
    await made();
    await before('podman', '*container*restore*--import*', ': >/srv/web.tar');
    expect(await restoredAs('new')).toMatchObject({ code: 0, json: { name: 'new' } });
    await run('podman rm --force --time 0 new');
  });

  test('a file is not restored where others could put another in its place', async () => {
    await made();
    await run('chmod 777 /srv');
    try {
      const { json } = await host.lifeboat('container', 'restore', '/srv/web.tar', '--unsigned', '--name', 'new');
      expect(json.error).toMatchObject({ code: 'untrusted', message: expect.stringContaining('everybody may write') });
    } finally {
      await run('chmod 755 /srv');
    }
    expect((await host.things()).filter((one) => one.startsWith('/srv/web.tar.'))).toEqual([]);
  });

  test('what is missing is told with what to do, before anything is made', async () => {
    await made();
    const refusal = async (...through: readonly string[]): Promise<string | undefined> => {
      const restore = ['--json', 'container', 'restore', '/srv/web.tar', '--unsigned', '--name', 'new'] as const;
      const [program, ...rest] = [...through, ...host.lifeboatArgv, ...restore];
      const { code, said } = await host.tried([program ?? '', ...rest]);
      expect(code).toBe(5);
      return JSON.parse(said).error.message;
    };
    const script = '#!/bin/sh\ncase "$*" in *--version*) echo Version: 4.1.1 ;; *cpuinfo*) exit 1 ;; esac\n';
    await host.write('/srv/criu', Buffer.from(script), { mode: 0o755 }, signal);
    const older = await refusal('env', 'PATH=/srv:/usr/sbin:/usr/bin');
    expect(older).toContain('was made by CRIU 4.2.1, and here is 4.1.1');
    expect(older).toContain('the processor that it ran on can do what this one cannot');
    await run(
      'rm /srv/criu && podman save -q -o /srv/image.tar localhost/bb && podman rm --force --time 0 web && podman rmi -f localhost/bb',
    );
    const missing = await refusal();
    expect(missing).toContain('the image localhost/bb');
    expect(missing).toContain('podman load');
    await run('podman load -q -i /srv/image.tar');
    const { json } = await host.lifeboat('container', 'restore', '/srv/web.tar', '--unsigned');
    expect(json).toMatchObject({ name: 'web' });
    expect((await host.things()).filter((one) => one.startsWith('/srv/web.tar.'))).toEqual([]);
  });
});
