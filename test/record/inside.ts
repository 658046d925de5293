/** In the namespaces of a machine: builds it, and records it or hands it out to another program. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { onMachine } from './machine.ts';
import { orderSchema } from './order.ts';
import { writeRaw } from './raw.ts';
import { treeOf } from './trees.ts';

const order = orderSchema.parse(JSON.parse(process.argv[2] ?? ''));
// Whoever interrupts, the machine is taken apart: the signal ends the command that runs, and that is an error.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
const options = {
  tree: treeOf(order.trees, order.release, order.packages),
  images: join(order.trees, 'images'),
  hostname: `${order.release}.example.net`,
  shown: order.shown,
};
// The name of the machine that records, before it is ours.
const foreign = [hostname(), order.trees, process.cwd(), import.meta.dirname];
await onMachine(options, async (root) => {
  if (order.raw !== undefined) writeRaw(root, join(order.raw, order.release));
  if (order.out !== undefined) {
    // Loaded late: outputs of tools are also wanted while capture itself is being changed.
    const { writeRecording } = await import('./capture-all.ts');
    await writeRecording(root, order.out, order.release, options.images, foreign);
  }
  if (order.hold === true) {
    console.log('ready');
    for await (const _ of process.stdin);
  }
});
