/** Disks as they are plugged in at this moment: one may have been pulled out, exchanged, or be called otherwise since. */
import { z } from 'zod';
import type { Host } from '../../host/host.ts';
import type { ComponentOf } from '../types.ts';

type Disk = ComponentOf<'disk'>;

const text = z.string().nullish();
const nodeSchema = z.object({
  path: z.string(),
  type: text,
  serial: text,
  wwn: text,
  model: text,
  size: z.union([z.number(), z.string().transform(Number)]).nullish(),
  ro: z.union([z.boolean(), z.enum(['0', '1']).transform((digit) => digit === '1')]),
  mountpoint: text,
  get children() {
    return z.array(nodeSchema).exactOptional();
  },
});

type Node = z.infer<typeof nodeSchema>;

export interface DiskNow {
  readonly path: string;
  /** Paths of its partitions. */
  readonly partitions: readonly string[];
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Where something on it is mounted; `[SWAP]` of what the system swaps to. */
  readonly uses: readonly string[];
}

/** Only where the name is among them does it tell what stands on what. */
const argv = ['lsblk', '-J', '-b', '-o', 'NAME,PATH,TYPE,SERIAL,WWN,MODEL,SIZE,RO,MOUNTPOINT'] as const;

/** Where each of these disks is now, by id: known by all that it says of itself, but for its size. One that is not there is left out. */
export async function disksNow(
  host: Host,
  disks: readonly Disk[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, DiskNow>> {
  const { stdout } = await host.run(argv, {}, signal);
  const said = z.object({ blockdevices: z.array(nodeSchema) }).parse(JSON.parse(stdout.toString()));
  const blockdevices = said.blockdevices.map(whole);
  return new Map(
    disks.flatMap((disk) => {
      const same = blockdevices.filter((node) => isSame(node, disk));
      // Paths to one disk, or bridges that say the same of themselves: the one that was meant.
      const node = same.find(({ path }) => path === disk.device) ?? same[0];
      return node === undefined ? [] : [[disk.id, diskOf(node)] as const];
    }),
  );
}

/** What is reached over several paths is the map that joins them. */
function whole(path: Node): Node {
  const map = path.children?.find(({ type }) => type === 'mpath');
  return map === undefined ? path : { ...map, serial: path.serial, wwn: path.wwn, model: path.model };
}

function isSame(node: Node, { serial, wwn, model, device }: Disk): boolean {
  const said = (value: string | null | undefined): string | undefined => value?.trim() || undefined;
  if (said(node.serial) !== serial || said(node.wwn) !== wwn || said(node.model) !== model) return false;
  // Who says nothing of itself is known by nothing else.
  return serial !== undefined || wwn !== undefined || node.path === device;
}

function diskOf(node: Node): DiskNow {
  const { path, size, ro, children = [] } = node;
  const all = (one: Node): readonly Node[] => [one, ...(one.children ?? []).flatMap(all)];
  return {
    path,
    partitions: children.filter(({ type }) => type === 'part').map((child) => child.path),
    sizeBytes: size ?? 0,
    readOnly: ro,
    uses: all(node).flatMap(({ mountpoint }) => mountpoint ?? []),
  };
}
