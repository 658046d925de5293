/** A capture that sees all of what a plan made, also what can be seen only while it is mounted. */
import type { Argv, Host } from '../../host/host.ts';
import type { Command } from '../../plan/action.ts';
import { captureLayout } from '../capture.ts';
import type { Layout } from '../types.ts';
import { withWholeDisks } from './attached.ts';
import { builderOf } from './builders.ts';
import type { Plan } from './document.ts';
import { disksNow } from './disks-now.ts';
import { devicePath } from './paths.ts';
import { disksOf, type OrderedSite, siteOf } from './site.ts';

/** Of a plan of which all has been carried out. What it keeps is left alone. */
export async function captureWhole(
  { layout, fates }: Pick<Plan, 'layout' | 'fates'>,
  host: Host,
  signal: AbortSignal,
): Promise<Layout> {
  const site = siteOf(layout.components);
  const kept = new Set(fates.new.flatMap(({ id, fate }) => (fate === 'keep' ? [id] : [])));
  const hidden = site.order
    .filter(({ id }) => !kept.has(id))
    .flatMap((component) => builderOf(component)?.shown?.(component) ?? []);
  const captured = async () => withWholeDisks(await captureLayout(host, new Date(), signal));
  if (hidden.length === 0) return await captured();
  const now = await disksNow(host, disksOf(layout), signal);
  const paths = new Map([...now].map(([id, { path }]) => [id, path]));
  const run = async (command: Command): Promise<void> => {
    await host.run(argvOf(command, site, paths), {}, signal);
  };
  await using stack = new AsyncDisposableStack();
  for (const { show, hide } of hidden) {
    stack.defer(async () => {
      for (const command of hide) await run(command);
    });
    for (const command of show) await run(command);
  }
  return await captured();
}

function argvOf({ argv: [program, ...words] }: Command, site: OrderedSite, disks: ReadonlyMap<string, string>): Argv {
  return [program, ...words.map((word) => (typeof word === 'string' ? word : devicePath(word.device, site, disks)))];
}
