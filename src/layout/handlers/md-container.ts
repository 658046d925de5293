/** Containers of md: the disks of a firmware RAID (IMSM of Intel, DDF), and the arrays in them, which have no members of their own. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { carriers, common, type LayoutHandler, missing, text } from '../handler.ts';
import type { Probes } from '../probes.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import {
  detailArgv,
  type Exported,
  examineExportArgv,
  detailExportArgv,
  parseExport,
  parseSubarray,
  type Subarray,
} from '../tools/mdadm.ts';

const schema = z.object({
  kind: z.literal('md-container'),
  ...common,
  /** Path as last seen: no identity. Absent while nobody has put it together. */
  device: text,
  uuid: text,
  /** `imsm`, `ddf`. */
  metadata: text,
});

type MdContainer = z.infer<typeof schema>;

/** As blkid names them, which tells no UUID of the one and that of the maker of the other. */
const memberTypes = ['isw_raid_member', 'ddf_raid_member'];

const isMd = ({ name, type }: BlockDevice): boolean => type !== 'part' && name.startsWith('md');

const looked = new WeakMap<Asker, Map<string, Exported>>();

export const mdContainer: LayoutHandler<MdContainer> = {
  kind: 'md-container',
  schema,
  under: carriers,
  claims: memberTypes,
  shared: true,
  async look(devices, asker) {
    const members = new Set(
      devices.filter(({ fstype }) => memberTypes.includes(fstype ?? '')).map(({ number }) => number),
    );
    if (members.size === 0) return devices;
    const within = bounded(asker);
    const said = new Map<string, Exported>();
    looked.set(asker, said);
    return await Promise.all(
      devices.map(async (device) => {
        const isMember = members.has(device.number);
        if (!isMember && !(isMd(device) && device.parents.some((parent) => members.has(parent)))) return device;
        const argv = isMember ? examineExportArgv(device.path) : detailExportArgv(device.path);
        const one = await within.ask({ argv, parse: parseExport, subject: device.path });
        if (one === undefined) return device;
        said.set(device.number, one);
        if (isMember) return { ...device, uuid: one.uuid };
        const uuid = `${one.container === undefined ? 'MD-CONTAINER' : 'MD'}-${one.uuid}`;
        return { ...device, mapping: { name: one.name ?? device.name, uuid } };
      }),
    );
  },
  deviceId({ mapping }) {
    const [, uuid] = /^MD-CONTAINER-(.+)$/.exec(mapping?.uuid ?? '') ?? [];
    return uuid === undefined ? undefined : `md-container:${uuid}`;
  },
  async capture(probes, asker) {
    const running = new Map(
      probes.devices.filter(isMd).map((device) => [probes.ids.get(device.number) ?? device.number, device]),
    );
    const members = probes.devices.filter((device) => probes.contentKindOf(device) === 'md-container');
    const containers = Map.groupBy(members, ({ number }) => probes.contentIds.get(number) ?? number);
    return [...containers].map(([id, found]) => {
      const said = looked.get(asker)?.get(found[0]?.number ?? '');
      return {
        kind: 'md-container',
        id,
        on: found.map(({ number }) => probes.ids.get(number) ?? number),
        ...present({ device: running.get(id)?.path, uuid: said?.uuid, metadata: said?.metadata }),
      };
    });
  },
  title: ({ device, metadata, uuid }) =>
    ['container', device, metadata, uuid, device === undefined ? 'stopped' : undefined]
      .filter((part) => part !== undefined)
      .join('  '),
  coverage: ({ device }, { carrying }) =>
    device !== undefined && carrying
      ? undefined
      : missing('its arrays do not run, so nothing on them can be read, nor can they be made anew'),
  volatile: ['device'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

/** The id of an array in a container. */
export function subarrayId({ mapping }: BlockDevice): string | undefined {
  const [, uuid] = /^MD-(?!CONTAINER-)(.+)$/.exec(mapping?.uuid ?? '') ?? [];
  return uuid === undefined ? undefined : `md:${uuid}`;
}

export interface FoundSubarray {
  readonly device: BlockDevice;
  readonly exported: Exported;
  /** Id of its container. */
  readonly container: string | undefined;
  /** `imsm`, `ddf`, as its disks say. */
  readonly metadata: string | undefined;
  readonly detail: Subarray | undefined;
  /** Ids of its disks, in its order. */
  readonly members: readonly string[];
}

/** Those that run. */
export async function subarraysOf(probes: Probes, asker: Asker): Promise<readonly FoundSubarray[]> {
  const byNumber = new Map(probes.devices.map((device) => [device.number, device]));
  const within = bounded(asker);
  const found = probes.devices.map(async (device): Promise<FoundSubarray[]> => {
    const exported = looked.get(asker)?.get(device.number);
    if (subarrayId(device) === undefined || exported === undefined) return [];
    const detail = await within.ask({ argv: detailArgv(device.path), parse: parseSubarray, subject: device.path });
    const parents = device.parents.flatMap((number) => byNumber.get(number) ?? []);
    const container = parents.map(({ number }) => probes.contentIds.get(number)).find((id) => id !== undefined);
    const members = parents
      .toSorted((a, b) => (exported.roles.get(a.path) ?? 0) - (exported.roles.get(b.path) ?? 0))
      .map(({ number }) => probes.ids.get(number) ?? number);
    const metadata = parents
      .map(({ number }) => looked.get(asker)?.get(number)?.metadata)
      .find((one) => one !== undefined);
    return [{ device, exported, container, metadata, detail, members }];
  });
  return (await Promise.all(found)).flat();
}
