/** A put over SFTP whose server is away for ten minutes in the middle, and connections that are cut again and again. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { read, sampleBytes } from '../../src/target/conformance/case.ts';
import { startRelay } from '../helpers/relay.ts';
import { sftpPlace } from '../helpers/sftp-place.ts';
import { longWatchdog, times } from '../helpers/suite.ts';

vi.setConfig(longWatchdog);

const MiB = 1024 * 1024;
const isRoot = process.geteuid?.() === 0;

test.skipIf(!isRoot).concurrent('a server that is away for ten minutes (needs root)', async ({ signal }) => {
  await using place = await sftpPlace();
  // Patience to the measure of the outage: in the long suite what lifeboat has where nobody says otherwise.
  const awayMs = times(10 * 60_000, 6_000);
  const patienceMs = awayMs * 1.5;
  const told: string[] = [];
  await using target = await place.open(signal, { patienceMs, silenceMs: 60_000, onWait: (text) => told.push(text) });
  const bytes = sampleBytes(8 * MiB);
  let back: Promise<void> | undefined;
  async function* body() {
    for (let at = 0; at < bytes.length; at += MiB) {
      if (at === 4 * MiB) {
        await place.sshd.stop();
        back = delay(awayMs).then(() => place.sshd.start());
      }
      yield bytes.subarray(at, at + MiB);
    }
  }
  await target.put('object', body(), {}, signal);
  await back;
  expect((await readFile(join(place.root, 'object'))).equals(bytes)).toBe(true);
  expect(told.length).toBeGreaterThan(3);
});

test.skipIf(!isRoot).concurrent('connections cut at random bytes, over and over (needs root)', async ({ signal }) => {
  await using place = await sftpPlace();
  const series = times(60, 2);
  for (let turn = 0; turn < series; turn += 1) {
    const bytes = sampleBytes(3 * MiB, turn + 1);
    let state = turn + 1;
    const below = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * limit);
    };
    await using relay = await startRelay(place.sshd.port, (connection) =>
      connection < 6 ? { cutAfter: { [turn % 2 === 0 ? 'up' : 'down']: 2_000 + below(2 * MiB) } } : {},
    );
    // Six connections in a row may get nothing through, each of which takes seconds on a machine that does much else.
    await using target = await place.open(signal, { port: relay.port, patienceMs: 60_000, silenceMs: 20_000 });
    await target.put(
      `cut-${turn}`,
      (async function* () {
        for (let at = 0; at < bytes.length; at += 90_001) yield bytes.subarray(at, at + 90_001);
      })(),
      {},
      signal,
    );
    expect((await read(target, `cut-${turn}`, undefined, signal)).equals(bytes), `seed ${turn + 1}`).toBe(true);
  }
});
