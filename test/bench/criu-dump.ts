/** How long the event loop stands still while CRIU dumps a process with 1 GiB of memory, and restores it. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CriuSession } from '../../src/criu/session.ts';
import { output } from '../helpers/child-process.ts';
import { criuRoot } from '../helpers/criu-root.ts';

const rounds = 3;
const aimMs = 20;

interface Stalls {
  /** The longest time between two turns of the loop, which looks every millisecond. */
  readonly stallMs: number;
  /** The most processor time that the thread of the loop used between two: the rest it waited for a processor. */
  readonly ownMs: number;
  readonly wholeMs: number;
}

async function longestStall(work: () => Promise<unknown>): Promise<Stalls> {
  const own = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let [last, lastOwn, stallMs, ownMs] = [performance.now(), own(), 0, 0];
  const timer = setInterval(() => {
    const [now, nowOwn] = [performance.now(), own()];
    stallMs = Math.max(stallMs, now - last - 1);
    ownMs = Math.max(ownMs, nowOwn - lastOwn);
    [last, lastOwn] = [now, nowOwn];
  }, 1);
  const began = performance.now();
  await work();
  clearInterval(timer);
  return { stallMs, ownMs, wholeMs: performance.now() - began };
}

function told(name: string, all: readonly Stalls[]): void {
  const middle = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
  const stalls = all.map(({ stallMs }) => stallMs);
  const most = Math.max(...stalls).toFixed(1);
  const own = Math.max(...all.map(({ ownMs }) => ownMs)).toFixed(1);
  console.log(
    `criu-dump, ${name}: the loop stood for ${middle(stalls).toFixed(1)} ms, at most ${most} ms, of which it worked ` +
      `at most ${own} ms (aimed at ${aimMs} or less) in ${middle(all.map(({ wholeMs }) => wholeMs)).toFixed(0)} ms, ${all.length} rounds`,
  );
}

export async function criuDump(): Promise<void> {
  await using root = await criuRoot();
  const { signal } = new AbortController();
  const idle: Stalls[] = [];
  const written: Stalls[] = [];
  const dumps: Stalls[] = [];
  const restores: Stalls[] = [];
  for (let round = 0; round < rounds; round++) {
    const directory = join(root.directory, `round-${round}`);
    const images = join(directory, 'images');
    await mkdir(images, { recursive: true });
    const program = `import os, time
m = bytearray(os.urandom(1 << 20)) * 1024
open('${directory}/ready', 'w').close()
time.sleep(600)`;
    const { pid } = await root.start(['python3', '-c', program]);
    while (!existsSync(join(directory, 'ready'))) await sleep(20);
    // What the loop does on this machine while nothing is asked of it, and while another program writes as much.
    idle.push(await longestStall(async () => await sleep(1000)));
    const copy = ['if=/dev/zero', `of=${join(directory, 'file')}`, 'bs=1M', 'count=1024', 'status=none'];
    written.push(await longestStall(async () => await output('dd', ...copy)));
    {
      await using session = new CriuSession({ command: root.criu });
      dumps.push(await longestStall(async () => await session.dump({ pid, imagesDir: images }, {}, signal)));
    }
    await using session = new CriuSession({ command: root.criu });
    const options = { imagesDir: images, restoreSibling: true };
    restores.push(
      await longestStall(async () => {
        const restored = await session.restore(options, {}, signal);
        process.kill(restored.pid, 'SIGKILL');
        await restored.ended;
      }),
    );
    await rm(directory, { recursive: true });
  }
  told('idle', idle);
  told('dd of 1 GiB', written);
  told('dump of 1 GiB', dumps);
  told('restore of 1 GiB', restores);
}
