/** What every runtime owes that can checkpoint: against the real one and the real CRIU, by lifeboat's own command line. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Argv } from '../../src/host/host.ts';
import { captureContainers } from '../../src/runtime/capture.ts';
import { runtimes } from '../../src/runtime/runtimes.ts';
import { type CheckpointHost, countIn, counts } from '../helpers/checkpoint-host.ts';
import { counting, shell } from '../helpers/container-programs.ts';
import { signal } from './conformance.ts';

type Program = readonly [string, ...string[]];

export interface CheckpointVerbs {
  /** Starts a container with this program, which counts in `/ct/rootfs/tmp/<name>`. */
  readonly start: (name: string, program: Program) => readonly Argv[];
  /** That directory as the container sees it. */
  readonly share: string;
  /** Says 0 where it is not there, too. */
  readonly remove: (name: string) => readonly Argv[];
  /** What is done with one that has ended, so that it can be restored. @default it is removed */
  readonly ended?: (name: string) => readonly Argv[];
  /** It keeps connections. */
  readonly keeps: boolean;
  /** It can close them in a restore; where it does neither, what counts has none. */
  readonly closes: boolean;
  /** Programs that are killed while they make one. */
  readonly victims: readonly string[];
  /** Why it has no other names. */
  readonly nameless?: string;
  /** The kernel tells which memory was written to. @default false */
  readonly softDirty?: boolean;
  /** It refuses another name. */
  readonly onlyName?: boolean;
}

export function describeCheckpoints(runtime: string, verbs: CheckpointVerbs, host: () => CheckpointHost): void {
  const {
    share,
    remove,
    ended = remove,
    keeps,
    closes,
    victims,
    nameless,
    onlyName = false,
    softDirty = false,
  } = verbs;
  const connects = keeps || closes;
  const tcp = keeps ? ['--tcp=keep'] : closes ? ['--tcp=close'] : [];
  const name = `${runtime}-one`;
  const other = `${runtime}-two`;
  const file = `/srv/${runtime}.tar`;

  /** It counts by a timer, over a TCP connection in its own network. */
  const connected = (id: string): readonly Argv[] => verbs.start(id, ['criu-probe', 'work', `${share}/${id}`]);
  /** It has no connection, which a program can lose that a killed CRIU has let go before all was mended. */
  const startQuiet = (id: string): readonly Argv[] => verbs.start(id, ['sh', '-c', counting, `${share}/${id}`]);

  const start = connects ? connected : startQuiet;

  async function run(commands: readonly Argv[]): Promise<void> {
    for (const argv of commands) await host().run(argv, {}, signal);
  }

  /** As lifeboat calls it. */
  async function called(): Promise<string | undefined> {
    const { json } = await host().lifeboat('container', 'list');
    const list = json['containers'] as readonly { name: string; runtime: string; state: string }[];
    return list.find((one) => one.runtime === runtime && one.state === 'running')?.name;
  }

  async function checkpoint(...options: readonly string[]) {
    return await host().lifeboat('container', 'checkpoint', (await called()) ?? 'none', '--output', file, ...options);
  }

  async function restore(...options: readonly string[]) {
    return await host().lifeboat('container', 'restore', file, '--unsigned', '--keep-volumes', ...options);
  }

  describe(`checkpoints: ${runtime}`, () => {
    let before: readonly string[];
    beforeAll(async () => {
      before = await host().things();
    });
    async function clear(): Promise<void> {
      await run([...remove(name), ...remove(other)]);
      await run([['rm', '-rf', '--', file, `/ct/${name}`, `/ct/rootfs/tmp/${name}`]]);
    }
    afterEach(clear);
    afterAll(async () => {
      await clear();
      await host().run(['nft', 'flush', 'ruleset'], {}, signal);
    });

    test('one that is to run on does, and the file is for its owner alone', async () => {
      await run(start(name));
      await counts(host(), name);
      const made = await checkpoint('--leave-running', ...(closes ? ['--tcp=close'] : tcp));
      expect(made.json.error).toBeUndefined();
      expect(made).toMatchObject({ code: 0, json: { format: 'lifeboat.checkpoint/1', leftRunning: true } });
      await counts(host(), name);
      expect((await host().tried(['stat', '-c', '%a', file])).said.trim()).toBe('600');
      expect((await checkpoint('--leave-running', ...tcp)).json).toMatchObject({ error: { code: 'exists' } });
      await clear();
      expect(await host().things()).toEqual(before);
    });

    test.skipIf(!keeps && connects)(
      `one that has ended runs on from where it was, with its connection${keeps ? '' : connects ? ' (it keeps none)' : ' if it could have one'}`,
      async () => {
        await run(start(name));
        await counts(host(), name);
        expect((await checkpoint(...tcp)).json.error).toBeUndefined();
        expect(await called()).toBeUndefined();
        const stood = await countIn(host(), name);
        await run(ended(name));
        expect((await restore()).json.error).toBeUndefined();
        expect(await countIn(host(), name)).toBeGreaterThanOrEqual(stood);
        await counts(host(), name);
        await clear();
        expect(await host().things()).toEqual(before);
      },
    );

    test('open connections are refused unless somebody says what becomes of them, before anything is frozen', async () => {
      await run(connected(name));
      await counts(host(), name);
      const { code, json } = await checkpoint();
      expect({ code, error: json.error }).toMatchObject({
        code: 5,
        error: { code: 'refused', message: expect.stringContaining('2 open TCP connections') },
      });
      await counts(host(), name);
    });

    test.skipIf(softDirty)(`passes that cannot be made are refused${softDirty ? ' (here they can)' : ''}`, async () => {
      await run(start(name));
      await counts(host(), name);
      const { code, json } = await checkpoint('--pre-dump', '2', ...tcp);
      expect({ code, message: json.error?.message }).toEqual({
        code: 5,
        message: expect.stringMatching(/MEM_SOFT_DIRTY|no passes before/),
      });
      await counts(host(), name);
    });

    test.skipIf(nameless !== undefined)(
      `under another name, and what is taken is told before anything is made${nameless === undefined ? '' : ` (${nameless})`}`,
      async () => {
        // A program ends that finds its connection closed.
        await run(keeps ? start(name) : startQuiet(name));
        await counts(host(), name);
        const made = await checkpoint('--leave-running', ...tcp);
        expect(made.json.error).toBeUndefined();
        const taken = await restore();
        expect({ code: taken.code, error: taken.json.error }).toMatchObject({
          code: 5,
          error: { code: 'refused', message: expect.stringContaining('already') },
        });
        await counts(host(), name);
        await run(ended(name));
        const same = await restore('--name', other);
        if (onlyName) {
          expect(same.json.error?.message).toContain('under another name');
          return;
        }
        expect(same.json.error).toBeUndefined();
        expect(await called()).toBe(other);
      },
    );

    test('an image that is damaged, or that nobody signed, is not restored', async () => {
      await run(start(name));
      expect((await checkpoint('--leave-running', ...tcp)).json.error).toBeUndefined();
      await run(ended(name));
      const unsigned = await host().lifeboat('container', 'restore', file);
      expect(unsigned).toMatchObject({ code: 1, json: { error: { code: 'untrusted' } } });
      // A byte in the middle of the pages.
      const damage =
        'at=$(grep -aboE "criu-probe|echo .i" "$1" | head -n 1 | cut -d : -f 1); printf X | dd of="$1" bs=1 seek="$at" conv=notrunc';
      await host().run(['sh', '-c', damage, 'sh', file], {}, signal);
      expect(await restore()).toMatchObject({ code: 1, json: { error: { code: 'archive-damaged' } } });
      expect(await called()).toBeUndefined();
      await clear();
      expect(await host().things()).toEqual(before);
    });

    test('without room for the images nothing is frozen', async () => {
      await run(start(name));
      await counts(host(), name);
      await run([
        ['mkdir', '-p', '/srv/small'],
        ['mount', '-t', 'tmpfs', '-o', 'size=100k', 'none', '/srv/small'],
      ]);
      try {
        const args = [
          'container',
          'checkpoint',
          (await called()) ?? '',
          '--output',
          '/srv/small/a.tar',
          ...tcp,
        ] as const;
        expect(await host().lifeboat(...args)).toMatchObject({ code: 1, json: { error: { code: 'no-space' } } });
        await counts(host(), name);
      } finally {
        await run([
          ['umount', '/srv/small'],
          ['rmdir', '/srv/small'],
        ]);
      }
    });

    test.skipIf(runtime === 'process')(
      `it is stopped, gently, and started from its beginning${runtime === 'process' ? ' (nobody knows how a tree of processes was started)' : ''}`,
      async () => {
        await run(verbs.start(name, ['sh', '-c', `trap 'exit 0' TERM; ${counting}`, `${share}/${name}`]));
        await counts(host(), name);
        const there = async () => (await captureContainers(host(), new Date(), signal)).containers;
        const one = (await there()).find((container) => container.name === name);
        if (one === undefined) throw new Error('it is not in the list');
        const { lifecycle } = runtimes[one.runtime];
        await lifecycle?.stop(host(), one, signal);
        expect((await there()).find((container) => container.name === name)?.state).not.toBe('running');
        await run([['rm', '--', `/ct/rootfs/tmp/${name}`]]);
        await lifecycle?.start(host(), one, signal);
        await counts(host(), name);
        expect((await there()).find((container) => container.name === name)?.state).toBe('running');
      },
    );

    test.each(victims)(
      '%s is killed at different moments: it runs as before, or from its images',
      async (victim) => {
        for (const seconds of runtime === 'crun' ? ['0.03', '0.3'] : ['0.1']) {
          await run(startQuiet(name));
          await counts(host(), name);
          const id = (await called()) ?? '';
          let said = '';
          const args = ['--json', 'container', 'checkpoint', id, '--output', file, ...tcp] as const;
          if (victim === 'lifeboat') {
            await host().tried(['timeout', '-s', 'KILL', `${Number(seconds) + 0.5}`, ...host().lifeboatArgv, ...args]);
            // What it had started goes on to its end by itself.
            const busy = shell(
              "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -oE '(check[p]oint|criu [s]wrk|tar --[c]reate)' || :",
            );
            await expect.poll(async () => (await host().tried(busy)).said, { timeout: 10_000 }).toBe('');
          } else {
            // Once: what is done about it is not to be hit again.
            const killing = `#!/bin/sh\ncase "$*" in *checkpoint*|*swrk*) mkdir /srv/once 2>/dev/null && { (sleep ${seconds}; kill -9 $$) & } ;; esac\nexec $(PATH=/usr/sbin:/usr/bin command -v ${victim}) "$@"\n`;
            await host().write('/srv/faulty', Buffer.from(killing), { mode: 0o755 }, signal);
            await run([
              ['mkdir', '-p', '/srv/bin'],
              ['mv', '/srv/faulty', `/srv/bin/${victim}`],
            ]);
            const env = ['env', 'PATH=/srv/bin:/usr/sbin:/usr/bin'] as const;
            said = (await host().tried([...env, ...host().lifeboatArgv, ...args])).said;
            await run([['rm', '-rf', '/srv/bin', '/srv/once']]);
          }
          if ((await called()) === undefined) {
            await run((await host().tried(['test', '-e', file])).code === 0 ? ended(name) : []);
            expect((await restore()).json.error, said).toBeUndefined();
          }
          await counts(host(), name);
          await clear();
        }
        await run([['sh', '-c', 'rm -rf /srv/*']]);
        expect(await host().things()).toEqual(before);
      },
      600_000,
    );
  });
}
