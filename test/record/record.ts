/** Records what lifeboat asks of the tools of Debian releases, on a machine made of loop devices. See README.md. */
import { type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { claim, detach, namespaces } from './machine.ts';
import type { Order } from './order.ts';
import { releases, treeOf } from './trees.ts';

const usage =
  'usage: node test/record/record.ts --trees DIR [--release NAME …] [--out DIR] [--raw DIR] [--show DISK …]';

/** Carries out an order on a machine in namespaces of its own. */
export function startMachine(order: Order, stdio: SpawnOptions['stdio']) {
  treeOf(order.trees, order.release);
  const images = join(order.trees, 'images');
  claim(images);
  const [program, ...args] = [...namespaces, process.execPath, join(import.meta.dirname, 'inside.ts')] as const;
  const child = spawn(program, [...args, JSON.stringify(order)], { stdio });
  return {
    child,
    /** When it is over. Takes down what is left, also after a failure. */
    ended: once(child, 'exit').then(([code]) => {
      detach(images);
      if (code !== 0) throw new Error(`the machine ${order.release} failed`);
    }),
  };
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
  for (const release of values.release) {
    const started = Date.now();
    const order: Order = { release, trees: resolve(values.trees), shown: values.show, out, ...raw };
    await startMachine(order, 'inherit').ended;
    console.log(`${release}: recorded in ${Math.round((Date.now() - started) / 1000)} s`);
  }
}

// Ends with the program inside, which takes the machine apart.
if (import.meta.main) {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  await main();
}
