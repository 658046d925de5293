/** Sessions with a real CRIU: each request, each notification, and what stands after CRIU was refused, stopped or killed. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LifeboatError } from '../../src/kernel/errors.ts';
import type { NotificationName, Notifications } from '../../src/criu/notifications.ts';
import type { Limits } from '../../src/criu/options.ts';
import { isThere, processState, treeOf } from '../../src/criu/processes.ts';
import { CriuSession, type Restored } from '../../src/criu/session.ts';
import { criuObstacle, criuRoot, type CriuRoot } from '../helpers/criu-root.ts';
import { startProbe, type Probed } from '../helpers/probed.ts';

const obstacle = criuObstacle();
if (obstacle !== undefined) console.warn(`skipped: ${obstacle}`);

let root: CriuRoot;

const names: readonly NotificationName[] = [
  'pre-stream',
  'pre-dump',
  'post-dump',
  'pre-restore',
  'post-restore',
  'network-lock',
  'network-unlock',
  'setup-namespaces',
  'post-setup-namespaces',
  'pre-resume',
  'post-resume',
  'status-ready',
  'query-ext-files',
];

/** Handlers of all notifications that do the same. */
function onEach(handle: (name: NotificationName, signal: AbortSignal) => Promise<'refuse' | undefined>): Notifications {
  return Object.fromEntries(
    names.map((name) => [name, async (_: object, signal: AbortSignal) => handle(name, signal)]),
  );
}

function open(limits: Limits = {}): CriuSession {
  return new CriuSession({ command: root.criu, limits });
}

async function dump(probed: Probed, on: Notifications, signal: AbortSignal, limits: Limits = {}): Promise<void> {
  await using session = open(limits);
  await session.dump({ pid: probed.pid, imagesDir: probed.images, tcpEstablished: true }, on, signal);
}

async function restore(probed: Probed, on: Notifications, signal: AbortSignal, limits: Limits = {}): Promise<Restored> {
  await using session = open(limits);
  return await session.restore({ imagesDir: probed.images, tcpEstablished: true, restoreSibling: true }, on, signal);
}

/** CRIU says some things only of trees with namespaces of their own. */
function kindFor(name: NotificationName): 'plain' | 'contained' {
  return name === 'network-lock' || name.endsWith('setup-namespaces') ? 'contained' : 'plain';
}

/** The CRIU that is at work for this process. */
async function criuPid(probed: Probed): Promise<number> {
  for (const pid of await treeOf(process.pid)) {
    if (pid !== probed.pid && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'criu') return pid;
  }
  throw new Error('no CRIU is at work');
}

function inRoot(...argv: readonly string[]): string {
  return execFileSync(root.enter[0], [...root.enter.slice(1), ...argv], { encoding: 'utf8' });
}

async function tracksMemory(signal: AbortSignal): Promise<boolean> {
  await using session = open();
  return (await session.features(signal)).memoryTracking;
}

/** That it still does its work, and nothing is left that a CRIU had made. */
async function isUnharmed(probed: Probed): Promise<void> {
  await probed.counts();
  expect(inRoot('nsenter', `--net=/proc/${probed.pid}/ns/net`, 'nft', 'list', 'tables')).not.toContain('CRIU');
  const tree = await treeOf(process.pid);
  const comms = tree.map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
  expect(comms).not.toContain('criu');
}

async function end(restored: Restored): Promise<void> {
  process.kill(restored.pid, 'SIGKILL');
  expect(await restored.ended).toEqual({ signal: 'SIGKILL' });
}

describe.skipIf(obstacle !== undefined)('with CRIU', () => {
  beforeAll(async () => {
    root = await criuRoot();
  });
  afterAll(async () => {
    await root[Symbol.asyncDispose]();
  });

  afterEach(() => {
    // A dump that is not restored here keeps its connections locked.
    inRoot('nft', 'flush', 'ruleset');
    root.end();
  });

  test('questions, one after another in a session', async ({ signal }) => {
    await using session = open();
    const images = { imagesDir: join(root.directory, 'questions') };
    await mkdir(images.imagesDir);
    expect((await session.version(signal)).major).toBeGreaterThanOrEqual(4);
    expect(await session.features(signal)).toEqual({
      memoryTracking: expect.any(Boolean),
      lazyPages: expect.any(Boolean),
      pidfdStore: true,
    });
    await session.cpuInfoDump(images, signal);
    await session.cpuInfoCheck(images, signal);
    expect(readdirSync(images.imagesDir)).toContain('cpuinfo.img');
    expect((await session.version(signal)).minor).toEqual(expect.any(Number));
    await session.check(signal).catch((error: unknown) => expect(error).toMatchObject({ code: 'criu-failed' }));
    await expect(session.version(signal)).rejects.toMatchObject({ code: 'bug' });
  });

  test('a tree is dumped and restored with its connection and its timer, and its notifications come in order', async ({
    signal,
  }) => {
    const probed = await startProbe(root);
    const seen: string[] = [];
    const on = onEach(async (name) => {
      seen.push(name);
      return undefined;
    });
    await dump(probed, on, signal);
    expect(await isThere(probed.pid)).toBe(false);
    expect(seen).toEqual(['pre-dump', 'query-ext-files', 'post-dump']);
    const before = await probed.count();
    seen.length = 0;
    const restored = await restore(probed, on, signal);
    expect(restored.pid).toBe(probed.pid);
    expect(seen).toContain('post-restore');
    expect(seen.at(-1)).toBe('post-resume');
    await probed.counts();
    expect(await probed.count()).toBeGreaterThan(before);
    await isUnharmed(probed);
    await end(restored);
  });

  test('a tree with processes and a network of its own has more to say', async ({ signal }) => {
    const probed = await startProbe(root, 'contained');
    const seen: string[] = [];
    const on = onEach(async (name) => {
      seen.push(name);
      return undefined;
    });
    await dump(probed, on, signal);
    expect(seen).toEqual(['pre-dump', 'network-lock', 'query-ext-files', 'post-dump']);
    seen.length = 0;
    const restored = await restore(probed, on, signal);
    expect(seen).toEqual([
      'pre-restore',
      'setup-namespaces',
      'post-setup-namespaces',
      'post-restore',
      'network-unlock',
      'pre-resume',
      'post-resume',
    ]);
    await isUnharmed({ ...probed, pid: restored.pid });
    await end(restored);
  });

  test('a tree that goes on after its dump', async ({ signal }) => {
    const probed = await startProbe(root);
    await using session = open();
    const images = { imagesDir: probed.images, tcpEstablished: true };
    await session.dump({ pid: probed.pid, leaveRunning: true, ...images }, {}, signal);
    await isUnharmed(probed);
  });

  test.each(['pre-dump', 'network-lock', 'query-ext-files', 'post-dump'] as const)(
    'who refuses at %s has the tree go on',
    async (name) => {
      const { signal } = new AbortController();
      const probed = await startProbe(root, kindFor(name));
      const refusing = dump(probed, { [name]: async () => 'refuse' }, signal);
      await expect(refusing).rejects.toMatchObject({ code: 'criu-failed', message: expect.stringContaining(name) });
      await isUnharmed(probed);
      const own = new LifeboatError('no-space', 'the disk is full');
      const throwing = dump(probed, { [name]: async () => Promise.reject(own) }, signal);
      await expect(throwing).rejects.toBe(own);
      await isUnharmed(probed);
    },
  );

  test.each(['pre-restore', 'setup-namespaces', 'post-setup-namespaces', 'post-restore'] as const)(
    'who refuses at %s has nothing restored, and can try again',
    async (name) => {
      const { signal } = new AbortController();
      const probed = await startProbe(root, kindFor(name));
      await dump(probed, {}, signal);
      const refusing = restore(probed, { [name]: async () => 'refuse' }, signal);
      await expect(refusing).rejects.toMatchObject({ code: 'criu-failed', message: expect.stringContaining(name) });
      expect(await isThere(probed.pid)).toBe(false);
      const restored = await restore(probed, {}, signal);
      await isUnharmed({ ...probed, pid: restored.pid });
      await end(restored);
    },
  );

  test('an abort while CRIU waits for an answer leaves the tree as it was', async () => {
    const probed = await startProbe(root);
    const abort = new AbortController();
    const on: Notifications = {
      'post-dump': async () => {
        abort.abort();
        return await new Promise(() => undefined);
      },
    };
    await expect(dump(probed, on, abort.signal)).rejects.toMatchObject({ code: 'interrupted' });
    await isUnharmed(probed);
  });

  test('an abort after all was agreed to comes too late', async () => {
    const probed = await startProbe(root);
    const abort = new AbortController();
    const on: Notifications = {
      'post-dump': async () => {
        setImmediate(() => abort.abort());
        return undefined;
      },
    };
    await dump(probed, on, abort.signal);
    expect(await isThere(probed.pid)).toBe(false);
    const restored = await restore(probed, {}, new AbortController().signal);
    await isUnharmed(probed);
    await end(restored);
  });

  const dumping = ['pre-dump', 'network-lock', 'query-ext-files', 'post-dump'] as const;
  const hurts = dumping.flatMap((name) => (['SIGKILL', 'SIGSTOP'] as const).map((how) => [how, name] as const));
  // Killed by others after connections were read: the program may use one before it is mended.
  test.each(hurts.filter(([how, name]) => how === 'SIGSTOP' || name !== 'post-dump'))(
    'CRIU gets %s at %s of a dump: the tree goes on',
    async (how, name) => {
      const { signal } = new AbortController();
      const probed = await startProbe(root, kindFor(name));
      const hurt: Notifications = {
        [name]: async () => {
          process.kill(await criuPid(probed), how);
          return undefined;
        },
      };
      const code = how === 'SIGKILL' ? 'criu-failed' : 'criu-timeout';
      const limits = { requestMs: 700, graceMs: 200 };
      await expect(dump(probed, hurt, signal, limits)).rejects.toMatchObject({ code });
      await isUnharmed(probed);
      // It is whole enough to be dumped again.
      await dump(probed, {}, signal);
      const restored = await restore(probed, {}, signal);
      await isUnharmed({ ...probed, pid: restored.pid });
      await end(restored);
    },
  );

  test('CRIU gets SIGKILL at post-dump: a tree without connections goes on', async ({ signal }) => {
    const { pid } = await root.start(['sleep', '600']);
    const images = join(root.directory, 'sleeper');
    await mkdir(images);
    const probed = { pid, images, counts: async () => undefined, count: async () => 0n };
    const hurt: Notifications = {
      'post-dump': async () => {
        process.kill(await criuPid(probed), 'SIGKILL');
        return undefined;
      },
    };
    await expect(dump(probed, hurt, signal)).rejects.toMatchObject({ code: 'criu-failed' });
    await isUnharmed(probed);
    await expect.poll(async () => (await processState(pid))?.state).toBe('S');
    await dump(probed, {}, signal);
    expect(await isThere(pid)).toBe(false);
  });

  const restoring = ['pre-restore', 'setup-namespaces', 'post-setup-namespaces', 'post-restore'] as const;
  test.each(restoring.flatMap((name) => (['SIGKILL', 'SIGSTOP'] as const).map((how) => [how, name] as const)))(
    'CRIU gets %s at %s of a restore: nothing is left, and the images are whole',
    async (how, name) => {
      const { signal } = new AbortController();
      const probed = await startProbe(root, kindFor(name));
      await dump(probed, {}, signal);
      const hurt: Notifications = {
        [name]: async () => {
          process.kill(await criuPid(probed), how);
          return undefined;
        },
      };
      const code = how === 'SIGKILL' ? 'criu-failed' : 'criu-timeout';
      const limits = { requestMs: 700, graceMs: 200 };
      await expect(restore(probed, hurt, signal, limits)).rejects.toMatchObject({ code });
      expect(await isThere(probed.pid)).toBe(false);
      const restored = await restore(probed, {}, signal);
      await isUnharmed({ ...probed, pid: restored.pid });
      await end(restored);
    },
  );

  test('pages go to a server, which is waited for', async ({ signal }) => {
    const probed = await startProbe(root);
    const pages = join(root.directory, 'pages');
    await mkdir(pages);
    await using serving = open();
    const server = await serving.startPageServer({ imagesDir: pages, address: '127.0.0.1' }, 'child', signal);
    await using session = open();
    const pageServer = { address: '127.0.0.1', port: server.port };
    const options = { pid: probed.pid, imagesDir: probed.images, tcpEstablished: true, pageServer };
    await session.dump(options, {}, signal);
    expect(await serving.waitPid(server.pid, signal)).toBe(0);
    expect(readdirSync(pages).join(' ')).toMatch(/\bpages-\d+\.img/);
    expect(readdirSync(probed.images).join(' ')).not.toMatch(/\bpages-/);
  });

  test('a pass before the dump, where the kernel tells what is written', async ({ signal }) => {
    const probed = await startProbe(root);
    const memoryTracking = await tracksMemory(signal);
    const first = join(probed.images, 'first');
    const last = join(probed.images, 'last');
    await mkdir(first);
    await mkdir(last);
    await using session = open();
    const common = { pid: probed.pid, tcpEstablished: true, trackMemory: true };
    const passing = session.preDump({ ...common, imagesDir: first }, {}, signal);
    if (!memoryTracking) {
      await expect(passing).rejects.toMatchObject({ message: expect.stringContaining('MEM_SOFT_DIRTY') });
      await probed.counts();
      return;
    }
    await passing;
    await probed.counts();
    await session.dump({ ...common, imagesDir: last, parentImages: '../first' }, {}, signal);
    expect(await isThere(probed.pid)).toBe(false);
  });

  test('what is not there', async ({ signal }) => {
    expect(() => new CriuSession({ command: ['/nonexistent/criu'] })).toThrow(
      expect.objectContaining({ code: 'tool-missing' }),
    );
    await using other = new CriuSession({ command: ['true'] });
    await expect(other.version(signal)).rejects.toMatchObject({
      code: 'criu-failed',
      message: expect.stringContaining('exit status 0'),
    });
  });
});
