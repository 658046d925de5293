/** Layouts of the machines that the lab recorded, as they are captured from what their tools said. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordedHost } from '../../src/host/recorded.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import { type Component, type Layout, parseLayout } from '../../src/layout/types.ts';

const folder = join(import.meta.dirname, '../fixtures/lab');
const { signal } = new AbortController();

/** Names of them all, as `stack.release`. */
export const recordedMachines: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

/** Those of Debian 12. */
export const debian12Machines: readonly string[] = recordedMachines.filter((name) => name.endsWith('.debian12'));

export async function recordedLayout(name: string): Promise<Layout> {
  const recording: unknown = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  return parseLayout(await captureLayout(recordedHost(recording), new Date('2026-11-21T12:00:00Z'), signal));
}

/** The same machine with nothing in use. */
export function atRest(layout: Layout): Layout {
  const idle = (one: Component): Component => (one.kind === 'swap' ? { ...one, active: false } : one);
  return {
    ...layout,
    components: layout.components.filter(({ kind }) => kind !== 'mount' && kind !== 'boot').map(idle),
  };
}
