/**
 * Disks as they can be looked at: through devices over them that keep in memory what is written. Whatever is put together of these, and
 * mends or replays something as it starts, no bit of a disk changes.
 */
import { z } from 'zod';
import type { Host } from '../host/host.ts';

/** Of the names of all devices that are made here. What keeps disks from being written to (`rescue/`) knows it. */
export const viewPrefix = 'lifeboat-view-';
/** Where what would have been written is kept: in memory. */
const stores = '/run/lifeboat/views';

const nodeSchema = z.object({
  path: z.string(),
  name: z.string(),
  type: z.string(),
  get children() {
    return z.array(nodeSchema).exactOptional();
  },
});

export interface Node {
  readonly path: string;
  readonly name: string;
  /** `disk`, `part`, `raid1`, `lvm`, `crypt`, `dm`, `mpath`, `loop`, … */
  readonly type: string;
  readonly children?: readonly Node[] | undefined;
}

/** All block devices, as they stand on one another. */
export async function deviceTree(host: Host, signal: AbortSignal): Promise<readonly Node[]> {
  const { stdout } = await host.run(['lsblk', '-J', '-o', 'NAME,PATH,TYPE'], {}, signal);
  return z.object({ blockdevices: z.array(nodeSchema) }).parse(JSON.parse(stdout.toString())).blockdevices;
}

/**
 * The views, and all that stands on them, each once. Partitions that the kernel finds on an array are none of it: they are on the view of that,
 * too.
 */
export function nodesInViews(tree: readonly Node[]): readonly Node[] {
  const found = new Map<string, Node>();
  const isOurs = ({ type, path }: Node): boolean => type !== 'part' || path.startsWith('/dev/mapper/');
  const visit = (node: Node, within: boolean): void => {
    const inside = within || node.name.startsWith(viewPrefix);
    const children = (node.children ?? []).filter((child) => !inside || isOurs(child));
    if (inside) found.set(node.path, { ...node, children });
    for (const child of children) visit(child, inside);
  };
  for (const node of tree) visit(node, false);
  return [...found.values()];
}

/**
 * A view of a device, with the partitions that are on it.
 *
 * @param name of the device, as the kernel calls it
 */
export async function addView(device: string, name: string, host: Host, signal: AbortSignal): Promise<void> {
  const store = `${stores}/${name}`;
  const view = `${viewPrefix}${name}`;
  const sectors = Number((await host.run(['blockdev', '--getsz', device], {}, signal)).stdout.toString());
  await host.run(['mkdir', '-p', stores], {}, signal);
  // It takes memory only as it is written to. Who writes more gets errors, and the disk is as it was.
  await host.run(['truncate', '--size', String(await quarterOfMemory(host, signal)), store], {}, signal);
  const { stdout } = await host.run(['losetup', '--find', '--show', store], {}, signal);
  const used = (await isUsed(device, host, signal)) ? await throughLoop(device, host, signal) : undefined;
  const table = `0 ${sectors} snapshot ${used ?? device} ${stdout.toString().trim()} N 8`;
  await host.run(['dmsetup', 'create', view, '--table', table], {}, signal);
  // It goes with the view, which holds it until then.
  if (used !== undefined) await host.run(['losetup', '--detach', used], {}, signal);
  // What has no table of partitions is no failure.
  await host.run(['kpartx', '-a', '-s', '-p', '-part', `/dev/mapper/${view}`], { okCodes: [0, 1] }, signal);
}

/** Something of it is mounted, such as the repository: nobody else gets such a device for himself alone. */
async function isUsed(device: string, host: Host, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await host.run(['lsblk', '-nro', 'MOUNTPOINT', device], {}, signal);
  return stdout.toString().trim() !== '';
}

async function throughLoop(device: string, host: Host, signal: AbortSignal): Promise<string> {
  const sector = (await host.run(['blockdev', '--getss', device], {}, signal)).stdout.toString().trim();
  const argv = ['losetup', '--read-only', '--sector-size', sector, '--find', '--show', device] as const;
  return (await host.run(argv, {}, signal)).stdout.toString().trim();
}

async function quarterOfMemory(host: Host, signal: AbortSignal): Promise<number> {
  const [, kibibytes] = /^MemTotal: +(\d+) kB$/m.exec((await host.read('/proc/meminfo', {}, signal)).toString()) ?? [];
  return Number(kibibytes) * 256;
}

/** Takes all views away, with what stands on them; nothing of it may be mounted. */
export async function removeViews(host: Host, signal: AbortSignal): Promise<void> {
  for (;;) {
    const nodes = nodesInViews(await deviceTree(host, signal));
    const top = nodes.filter(({ children = [] }) => children.length === 0);
    if (top.length === 0) break;
    for (const { path, name, type } of top) {
      if (/^raid|^linear$|^md$/.test(type)) await host.run(['mdadm', '--stop', path], {}, signal);
      else await host.run(['dmsetup', 'remove', '--retry', name], {}, signal);
    }
  }
  const { stdout } = await host.run(['losetup', '--json', '--output', 'NAME,BACK-FILE'], {}, signal);
  for (const loop of loopsIn(stdout.toString())) await host.run(['losetup', '--detach', loop], {}, signal);
  await host.run(['rm', '-rf', '--', stores], {}, signal);
}

function loopsIn(said: string): string[] {
  if (said.trim() === '') return [];
  const schema = z.object({ loopdevices: z.array(z.object({ name: z.string(), 'back-file': z.string().nullable() })) });
  const { loopdevices } = schema.parse(JSON.parse(said));
  return loopdevices.flatMap((one) => (one['back-file']?.startsWith(`${stores}/`) === true ? [one.name] : []));
}
