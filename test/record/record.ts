/** Records what lifeboat asks of the tools of Debian releases, on a machine made of loop devices. See README.md. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lockFile } from '../../src/host/file-lock.ts';
import { claim, detach, namespaces } from './machine.ts';
import type { Order } from './order.ts';
import { releases, treeOf } from './trees.ts';

const usage =
  'usage: node test/record/record.ts --trees DIR [--release NAME …] [--out DIR] [--raw DIR] [--show DISK …]';

/** How long to wait for a machine that is in use: its loop devices have fixed numbers. */
const patienceMs = 300_000;

/** Carries out an order on a machine in namespaces of its own, when no other machine is in use. */
export async function startMachine(order: Order, stdio: SpawnOptions['stdio']) {
  const trees = realpathSync(order.trees);
  const lock = await machineLock();
  try {
    treeOf(trees, order.release, order.packages);
    const images = join(trees, 'images');
    claim(images);
    const inside = fileURLToPath(import.meta.resolve('./inside.ts'));
    const [program, ...args] = [...namespaces, process.execPath, inside] as const;
    const child = spawn(program, [...args, JSON.stringify({ ...order, trees })], { stdio });
    return {
      child,
      /** When it is over. Takes down what is left, also after a failure. */
      ended: once(child, 'exit').then(async ([code]) => {
        await using _lock = lock;
        detach(images);
        if (code !== 0) throw new Error(`the machine ${order.release} failed`);
      }),
    };
  } catch (error) {
    await lock[Symbol.asyncDispose]();
    throw error;
  }
}

async function machineLock(): Promise<AsyncDisposable> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await delay(200)) {
    const lock = await lockFile('/run/lock/lifeboat-machine.lock');
    if (lock !== undefined) return lock;
  }
  throw new Error('another machine has been in use for minutes: is another recording or bench under way?');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trees: { type: 'string' },
      release: { type: 'string', multiple: true, default: Object.keys(releases) },
      out: { type: 'string', default: join(import.meta.dirname, '../fixtures/machine') },
      raw: { type: 'string' },
      show: { type: 'string', multiple: true, default: [] },
    },
  });
  if (values.trees === undefined) throw new Error(usage);
  const out = resolve(values.out);
  const raw = values.raw === undefined ? {} : { raw: resolve(values.raw) };
  mkdirSync(out, { recursive: true });
  mkdirSync(values.trees, { recursive: true });
  for (const release of values.release) {
    const started = Date.now();
    const order: Order = { release, trees: resolve(values.trees), shown: values.show, out, ...raw };
    const machine = await startMachine(order, 'inherit');
    await machine.ended;
    console.log(`${release}: recorded in ${Math.round((Date.now() - started) / 1000)} s`);
  }
}

// Ends with the program inside, which takes the machine apart.
if (import.meta.main) {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  await main();
}
