/** Puts together what lies on disks, in views of them: arrays, volume groups, and encrypted volumes of which somebody gave a key. */
import type { Host } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { addView, deviceTree, type Node, nodesInViews, viewPrefix } from './views.ts';

/** What a device holds, as blkid finds it. */
export interface Content {
  readonly path: string;
  readonly name: string;
  readonly type: string;
  readonly uuid?: string;
  readonly label?: string;
  readonly partUuid?: string;
  readonly partLabel?: string;
}

export interface Assembly {
  /** Passphrase or key of a LUKS volume by its UUID; `undefined` leaves it closed. */
  readonly keyOf: (uuid: string, signal: AbortSignal) => Promise<Uint8Array | undefined>;
}

/** @returns what there is then, and what could not be opened */
export async function assemble(
  { keyOf }: Assembly,
  host: Host,
  signal: AbortSignal,
): Promise<{ readonly contents: readonly Content[]; readonly closed: readonly string[] }> {
  const asked = new Set<string>();
  const closed: string[] = [];
  await joinPaths(host, signal);
  for (const { path, name } of disksOf(await deviceTree(host, signal))) await addView(path, name, host, signal);
  // Each may hold the next: an array a volume group, one of its volumes an encrypted one.
  for (let before = -1, count = 0; before !== count; ) {
    before = count;
    await startArrays(host, signal);
    for (const { path, uuid, type } of await contentsOf(host, signal)) {
      if (type !== 'crypto_LUKS' || uuid === undefined || asked.has(uuid)) continue;
      asked.add(uuid);
      const key = await keyOf(uuid, signal);
      if (key === undefined || !(await opened(path, uuid, key, host, signal))) closed.push(uuid);
    }
    await host.run(
      ['vgchange', '--activate', 'y', '--monitor', 'n', '--config', lvmConfig],
      { okCodes: [0, 5] },
      signal,
    );
    await host.run(['udevadm', 'settle'], {}, signal);
    count = nodesInViews(await deviceTree(host, signal)).length;
  }
  return { contents: await contentsOf(host, signal), closed };
}

/** Volume groups let go of their devices. */
export async function stopGroups(host: Host, signal: AbortSignal): Promise<void> {
  await host.run(['vgchange', '--activate', 'n', '--config', lvmConfig], { okCodes: [0, 5] }, signal);
}

/** Several paths to one disk become one device; where there are none, nothing happens. */
async function joinPaths(host: Host, signal: AbortSignal): Promise<void> {
  await host.run(['modprobe', '-q', 'dm-multipath'], { okCodes: [0, 1] }, signal);
  await host.run(['multipath', '-v0'], { okCodes: [0, 1], timeoutMs: 60_000 }, signal);
}

/** What a machine has of disks: not what the rescue system itself runs from. */
function disksOf(tree: readonly Node[]): readonly Node[] {
  return tree
    .flatMap((disk) => {
      if (disk.type !== 'disk' || /^(zram|ram|fd)\d/.test(disk.name)) return [];
      const map = disk.children?.find(({ type }) => type === 'mpath');
      return [map ?? disk];
    })
    .filter((node, index, all) => all.findIndex(({ path }) => path === node.path) === index);
}

/** Without writing to them, and so without mending what is not in order; then a view of each, on which others may stand. */
async function startArrays(host: Host, signal: AbortSignal): Promise<void> {
  const config = '/run/lifeboat/views/mdadm.conf';
  const lines = `DEVICE /dev/mapper/${viewPrefix}*\nHOMEHOST <ignore>\n`;
  await host.write(config, Buffer.from(lines), {}, signal);
  const argv = ['mdadm', '--assemble', '--scan', '--run', '--readonly', `--config=${config}`] as const;
  await host.run(argv, { okCodes: [0, 1, 2] }, signal);
  await host.run(['udevadm', 'settle'], {}, signal);
  for (const { path, name, type, children = [] } of nodesInViews(await deviceTree(host, signal))) {
    const isNew = /^raid|^linear$/.test(type) && !children.some((child) => child.name.startsWith(viewPrefix));
    if (isNew) await addView(path, name, host, signal);
  }
}

async function opened(path: string, uuid: string, key: Uint8Array, host: Host, signal: AbortSignal): Promise<boolean> {
  const argv = ['cryptsetup', 'open', '--type', 'luks', '--key-file', '-', path, cryptName(uuid)] as const;
  // 2: no slot has this key.
  const { code } = await host.run(argv, { stdin: key, okCodes: [0, 1, 2], timeoutMs: 300_000 }, signal);
  return code === 0;
}

export const cryptName = (uuid: string): string => `${viewPrefix}luks-${uuid}`;

/** LVM sees views and nothing else: the same volumes are on the disks below them. */
const onlyViews = `["a|^/dev/mapper/${viewPrefix}|","r|.*|"]`;
const lvmConfig = `devices { filter=${onlyViews} global_filter=${onlyViews} use_devicesfile=0 obtain_device_list_from_udev=0 }`;

/** Read from the devices themselves: what udev knows of them may be old. */
async function contentsOf(host: Host, signal: AbortSignal): Promise<readonly Content[]> {
  const found: Content[] = [];
  for (const { path, name, type, children = [] } of nodesInViews(await deviceTree(host, signal))) {
    // What lies on an array is seen in the view of it.
    if (/^raid|^linear$/.test(type) && children.length > 0) continue;
    const { stdout } = await host.run(['blkid', '-p', '-o', 'export', path], { okCodes: [0, 2, 4, 8] }, signal);
    const fields = new Map(
      stdout
        .toString()
        .split('\n')
        .flatMap((line): [string, string][] => {
          const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
          return key === undefined || value === undefined ? [] : [[key, value.replace(/\\(.)/g, '$1')]];
        }),
    );
    const content = fields.get('TYPE');
    if (content === undefined) continue;
    found.push({
      path,
      name,
      type: content,
      ...present({
        uuid: fields.get('UUID'),
        label: fields.get('LABEL'),
        partUuid: fields.get('PART_ENTRY_UUID'),
        partLabel: fields.get('PART_ENTRY_NAME'),
      }),
    });
  }
  return found;
}
