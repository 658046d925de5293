/** Bad days of a target over SFTP: a real server that is cut off, killed, frozen, slow, full, away, or another one. */
import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keysBelow, read, sampleBytes } from '../../src/target/conformance/case.ts';
import type { Target } from '../../src/target/target.ts';
import { output } from '../helpers/child-process.ts';
import { type Fault, startRelay } from '../helpers/relay.ts';
import { openSftpTarget } from '../../src/target/sftp/sftp.ts';
import { type SftpPlace, sftpPlace } from '../helpers/sftp-place.ts';
import { startSshd } from '../helpers/sshd.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const MiB = 1024 * 1024;
const seed = Number(process.env['SEED'] ?? '20261121');

/** Equal pseudo-random numbers for every seed. */
function random(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** In chunks of odd sizes out of one buffer; a body that is begun a second time fails. */
function onceOnly(bytes: Buffer, pause: (at: number) => Promise<void> = async () => {}): AsyncIterable<Uint8Array> {
  let begun = false;
  return {
    async *[Symbol.asyncIterator]() {
      if (begun) throw new Error('the body was begun a second time');
      begun = true;
      const reused = Buffer.alloc(100_003);
      for (let at = 0; at < bytes.length; at += reused.length) {
        await pause(at);
        yield reused.subarray(0, bytes.copy(reused, 0, at, at + reused.length));
      }
    },
  };
}

const isRoot = process.geteuid?.() === 0;

describe.skipIf(!isRoot)('a real server (needs root)', () => {
  let place: SftpPlace;
  beforeAll(async () => {
    place = await sftpPlace();
  }, 120_000);
  afterAll(() => place[Symbol.asyncDispose]());

  const storedAt = (key: string) => readFile(join(place.root, key));
  const leftovers = () => readdir(join(place.root, '.tmp'));

  describe.each([seed, seed + 1])('connections cut at random bytes, seed %i', (own) => {
    const bytes = sampleBytes(5 * MiB, own);
    const faults = (way: 'up' | 'down') => {
      const below = random(own);
      return (connection: number): Fault =>
        connection < 4 ? { cutAfter: { [way]: 3_000 + below(connection === 0 ? 5 * MiB : 2 * MiB) } } : {};
    };

    test('a put goes on where it was', async ({ signal }) => {
      await using relay = await startRelay(place.sshd.port, faults('up'));
      await using target = await place.open(signal, { port: relay.port });
      await target.put(`cut/put-${own}`, onceOnly(bytes), {}, signal);
      expect(relay.count()).toBeGreaterThan(1);
      expect((await storedAt(`cut/put-${own}`)).equals(bytes)).toBe(true);
      expect(await leftovers()).toEqual([]);
    });

    test('a get goes on where it was', async ({ signal }) => {
      await writeFile(join(place.root, `get-${own}`), bytes);
      await using relay = await startRelay(place.sshd.port, faults('down'));
      await using target = await place.open(signal, { port: relay.port });
      expect((await read(target, `get-${own}`, undefined, signal)).equals(bytes)).toBe(true);
      expect(relay.count()).toBeGreaterThan(1);
    });

    test('an exclusive put whose answers are lost is not in its own way', async ({ signal }) => {
      const below = random(own);
      // Somewhere in the answers to the requests of one small put, after those of logging in.
      await using relay = await startRelay(place.sshd.port, (connection) =>
        connection === 1 ? { cutAfter: { down: 2_400 + below(900) } } : {},
      );
      await using first = await place.open(signal, { port: relay.port });
      await using second = await place.open(signal, { port: relay.port });
      const body = sampleBytes(100, own);
      await second.put(`lock-${own}`, body, { ifAbsent: true }, signal);
      expect((await storedAt(`lock-${own}`)).equals(body)).toBe(true);
      const other = first.put(`lock-${own}`, sampleBytes(100, own + 1), { ifAbsent: true }, signal);
      await expect(other).rejects.toMatchObject({ code: 'exists' });
    });
  });

  test('the processes of the connection are killed in the middle of a put and of a get', async ({ signal }) => {
    const below = random(seed);
    const bytes = sampleBytes(12 * MiB, 5);
    await using target = await place.open(signal);
    let kills = 0;
    const killing = async (at: number) => {
      if (at === 0 || below(40) > 0) return;
      kills += 1;
      for (const pid of await place.sshd.sessions()) process.kill(pid, 'SIGKILL');
    };
    await target.put('killed', onceOnly(bytes, killing), {}, signal);
    expect((await storedAt('killed')).equals(bytes)).toBe(true);
    expect(kills).toBeGreaterThan(0);
    const chunks: Uint8Array[] = [];
    let at = 0;
    for await (const chunk of target.get('killed', undefined, signal)) {
      chunks.push(chunk);
      at += chunk.length;
      if (below(12) === 0) await killing(at).catch(() => undefined);
    }
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  test('a frozen server is left for a new connection, and what the old one still does harms nothing', async ({
    signal,
  }) => {
    const bytes = sampleBytes(6 * MiB, 6);
    await using target = await place.open(signal, { silenceMs: 400 });
    let frozen: readonly number[] = [];
    await target.put(
      'frozen',
      onceOnly(bytes, async (at) => {
        if (frozen.length > 0 || at < 3 * MiB) return;
        frozen = await place.sshd.sessions();
        for (const pid of frozen) process.kill(pid, 'SIGSTOP');
      }),
      {},
      signal,
    );
    for (const pid of frozen) process.kill(pid, 'SIGCONT');
    expect(frozen.length).toBeGreaterThan(0);
    await delay(200);
    expect((await storedAt('frozen')).equals(bytes)).toBe(true);
  });

  test('a server that stays frozen is unreachable', async ({ signal }) => {
    await using target = await place.open(signal, { silenceMs: 300, connectTimeoutMs: 300, patienceMs: 1_000 });
    const pids = [...(await place.sshd.sessions()), place.sshd.pid];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      const failure = { code: 'unreachable', retryable: true };
      await expect(target.stat('a', signal)).rejects.toMatchObject(failure);
      await expect(target.put('a', onceOnly(sampleBytes(MiB)), {}, signal)).rejects.toMatchObject(failure);
      await expect(read(target, 'a', undefined, signal)).rejects.toMatchObject(failure);
      await expect(keysBelow(target, '', signal)).rejects.toMatchObject(failure);
      const abort = AbortSignal.any([signal, AbortSignal.timeout(150)]);
      await expect(target.remove('a', abort)).rejects.toMatchObject({ code: 'interrupted' });
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
  });

  test('a slow line is no dead one', async ({ signal }) => {
    const bytes = sampleBytes(2 * MiB, 7);
    await using relay = await startRelay(place.sshd.port, () => ({ rate: MiB }));
    // The whole takes longer than the silence that is borne.
    await using target = await place.open(signal, { port: relay.port, silenceMs: 1_500 });
    await target.put('slow', onceOnly(bytes), {}, signal);
    expect((await read(target, 'slow', undefined, signal)).equals(bytes)).toBe(true);
    expect(relay.count()).toBe(1);
  });

  test('a server that is away for a while is waited for, and that is told', async ({ signal }) => {
    const bytes = sampleBytes(4 * MiB, 8);
    const told: string[] = [];
    await using target = await place.open(signal, { onWait: (text) => told.push(text) });
    let back: Promise<void> | undefined;
    const body = onceOnly(bytes, async (at) => {
      if (back !== undefined || at < 2 * MiB) return;
      await place.sshd.stop();
      back = delay(2_500).then(() => place.sshd.start());
    });
    await target.put('away', body, {}, signal);
    await back;
    expect((await storedAt('away')).equals(bytes)).toBe(true);
    expect(told.join('\n')).toMatch(/^sftp:.*connecting again in \d+ s/);
    expect(await keysBelow(target, 'cut', signal)).toContain(`cut/put-${seed}`);
  });

  test('a server that is away for longer than patience lasts is told, and its return is found', async ({ signal }) => {
    await using target = await place.open(signal, { patienceMs: 500 });
    let closed = false;
    async function* body() {
      try {
        yield sampleBytes(MiB);
        await place.sshd.stop();
        for (;;) yield sampleBytes(MiB);
      } finally {
        closed = true;
      }
    }
    const failure = { code: 'unreachable', retryable: true };
    await expect(target.put('gone', body(), {}, signal)).rejects.toMatchObject(failure);
    expect(closed).toBe(true);
    await expect(place.open(signal, { patienceMs: 100 })).rejects.toMatchObject(failure);
    await place.sshd.start();
    expect(await target.stat('gone', signal)).toBeUndefined();
  });

  test('a server with another key is refused, also in the middle, and its key can be accepted', async ({ signal }) => {
    const own = await readFile(place.knownHosts, 'utf8');
    const knownHosts = `${place.knownHosts}.test`;
    const ssh = { identityFile: place.sshd.privateKeyPath, knownHosts };
    await writeFile(knownHosts, '');
    const refused = await place.open(signal, { ssh }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'host-key', retryable: false });
    const command = /then: (echo .*)$/.exec(Object(refused).hint)?.[1] ?? '';
    await promisify(execFile)('sh', ['-c', command]);
    await using target = await place.open(signal, { ssh });
    await output('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', `${knownHosts}.key`);
    const other = (await readFile(`${knownHosts}.key.pub`, 'utf8')).split(' ').slice(0, 2).join(' ');
    let swapped = false;
    const body = onceOnly(sampleBytes(4 * MiB), async (at) => {
      if (swapped || at < MiB) return;
      swapped = true;
      await writeFile(knownHosts, own.replace(place.sshd.hostKey, other));
      for (const pid of await place.sshd.sessions()) process.kill(pid, 'SIGKILL');
    });
    await expect(target.put('swapped', body, {}, signal)).rejects.toMatchObject({
      code: 'host-key',
      message: expect.stringContaining('is not the one in'),
    });
  });

  test('what a killed writer left is swept, and what a living one has is not', async ({ signal }) => {
    await using first = await place.open(signal);
    await first.put('before', sampleBytes(10), {}, signal);
    const before = new Set(await leftovers());
    const fresh = async () => (await leftovers()).filter((name) => !before.has(name));
    const hold = Promise.withResolvers<void>();
    const holding = onceOnly(sampleBytes(2 * MiB), (at) => (at > MiB ? hold.promise : delay(0)));
    const living = first.put('living', holding, {}, signal);
    while ((await fresh()).length !== 1) await delay(10);
    const [mine = ''] = await fresh();
    const dead = mine.replace(/\.\d+\.\d+\.[0-9a-f]+$/, '.1.1.aaaaaa');
    await writeFile(join(place.root, '.tmp', dead), 'half');
    await using second = await place.open(signal);
    await second.put('other', sampleBytes(10), {}, signal);
    expect(await fresh()).toEqual([mine]);
    hold.resolve();
    await living;
    expect(await fresh()).toEqual([]);
  });
});

describe.skipIf(!isRoot)('a disk that is full (needs root)', () => {
  test('is named, leaves the old object, and takes what fits', async ({ signal }) => {
    await using place = await sftpPlace((root) => ({ mounts: [`mount -t tmpfs -o size=6m tmpfs ${root}`] }));
    await using target: Target = await place.open(signal);
    await target.put('old', sampleBytes(MiB, 1), {}, signal);
    for (const key of ['old', 'new']) {
      await expect(target.put(key, onceOnly(sampleBytes(8 * MiB)), {}, signal)).rejects.toMatchObject({
        code: 'no-space',
        hint: expect.stringContaining('Free some space'),
      });
    }
    expect((await read(target, 'old', undefined, signal)).equals(sampleBytes(MiB, 1))).toBe(true);
    expect(await keysBelow(target, '', signal)).toEqual(['old']);
    await target.put('small', sampleBytes(3 * MiB), {}, signal);
  });

  test('a place that may not be written to is named', async ({ signal }) => {
    await using place = await sftpPlace(() => ({ sftp: 'internal-sftp -R' }));
    await using target = await place.open(signal);
    await expect(target.put('a', sampleBytes(1), {}, signal)).rejects.toMatchObject({ code: 'permission-denied' });
  });
});

test.skipIf(!isRoot)(
  'an account that is shut into a directory and can do nothing but SFTP (needs root)',
  async ({ signal }) => {
    await using directory = await temporaryDirectory();
    const keys = join(directory.path, 'keys');
    await using sshd = await startSshd({
      accounts: ['web1:*:65532:65534::/run/jail:/usr/sbin/nologin'],
      mounts: [`mkdir -m 755 /run/jail; mkdir -m 700 /run/jail/repository; chown 65532 /run/jail/repository`],
      // As docs/targets.md has it.
      lines: [
        'Match User web1',
        `  AuthorizedKeysFile ${keys}/%u`,
        '  ChrootDirectory /run/jail',
        '  ForceCommand internal-sftp',
        '  DisableForwarding yes',
        '  PermitTTY no',
      ],
    });
    await mkdir(keys);
    await copyFile(`${sshd.privateKeyPath}.pub`, join(keys, 'web1'));
    for (const folder of [directory.path, keys]) await chmod(folder, 0o755);
    const ssh = { identityFile: sshd.privateKeyPath, knownHosts: sshd.knownHostsPath };
    await using target = await openSftpTarget(`sftp://web1@127.0.0.1:${sshd.port}/repository`, { ssh }, signal);
    await target.put('a/b', sampleBytes(100), { ifAbsent: true }, signal);
    expect(await keysBelow(target, '', signal)).toEqual(['a/b']);
    expect((await read(target, 'a/b', undefined, signal)).equals(sampleBytes(100))).toBe(true);
    const outside = openSftpTarget(`sftp://web1@127.0.0.1:${sshd.port}/etc`, { ssh, patienceMs: 100 }, signal);
    await expect(outside).rejects.toMatchObject({ code: 'not-found' });
  },
);
