/** What the cases share that build machines anew: an original, what the plain tools say of it, and a plan carried out. */
import type { Host } from '../../src/host/host.ts';
import { captureLayout } from '../../src/layout/capture.ts';
import type { Application } from '../../src/layout/rebuild/apply.ts';
import { type Layout, parseLayout } from '../../src/layout/types.ts';
import { startLab } from './lab.ts';
import { makeStack, type Scene } from './stack.ts';

export const capture = async (host: Host, signal: AbortSignal): Promise<Layout> =>
  parseLayout(await captureLayout(host, new Date('2026-11-21T12:00:00Z'), signal));

export const realDisks = (layout: Layout) =>
  layout.components.flatMap((one) => (one.kind === 'disk' && one.sizeBytes > 0 ? [one] : []));

/** All disks of a machine, for one on whose disks nothing is. */
export const allBlank = (layout: Layout): ReadonlySet<string> => new Set(realDisks(layout).map(({ id }) => id));

/** Of an attempt of which nothing is remembered and to which nobody gives a key. */
export const plainly: Omit<Application, 'host'> = {
  progress: { begun: new Set<string>(), ended: new Set<string>(), begin: async () => {}, end: async () => {} },
  given: async (name) => await Promise.reject(new Error(`nobody gives ${name}`)),
  say: () => {},
};

/** What the plain tools say of a disk and its partitions, without names that the kernel gives. */
const facts = `
sfdisk -d "$1" 2> /dev/null | grep -v '^device\\|^last-lba' | sed 's|^/dev/[^ ]* *: |: |' || true
blkid -o export "$1"* 2> /dev/null | grep -E '^(UUID|LABEL|TYPE|PARTUUID|PARTLABEL|UUID_SUB)=' | grep -v UUID_SUB | sort || true
`;

export async function factsOf(host: Host, device: string, signal: AbortSignal): Promise<string> {
  return (await host.run(['sh', '-c', facts, 'sh', device], {}, signal)).stdout.toString();
}

export interface Original {
  readonly layout: Layout;
  /** What the plain tools say, by the ids of the disks. */
  readonly facts: ReadonlyMap<string, string>;
}

/** Makes a stack in a machine of its own, which is gone afterwards. */
export async function originalOf({ release, stack }: Scene, signal: AbortSignal): Promise<Original> {
  await using lab = await startLab({ release, disks: stack.disks }, signal);
  await makeStack(stack, lab, signal);
  const layout = await capture(lab.host, signal);
  const found = new Map<string, string>();
  for (const [serial, device] of lab.devices) {
    if (serial !== '') found.set(`disk:${serial}`, await factsOf(lab.host, device, signal));
  }
  return { layout, facts: found };
}

/** Disks like a stack's, with other serial numbers. */
export const otherDisks = ({ stack }: Scene) => stack.disks.map((disk) => ({ ...disk, serial: `N${disk.serial}` }));
