/** Containers of md: the disks of a firmware RAID (IMSM of Intel, DDF), and the arrays in them, which have no members of their own. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import type { Argv } from '../../host/host.ts';
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

const isMd = ({ name, type }: Pick<BlockDevice, 'name' | 'type'>): boolean => type !== 'part' && name.startsWith('md');

/** As it stands on a spare. */
const isNil = (uuid: string): boolean => /^[0-]+$/.test(uuid);

/** What a gap is named after where an array or a container could not be asked which of the two it is. */
export const containersSubject = 'containers of md';

const looked = new WeakMap<Asker, Map<string, Exported>>();
/** Containers that run and are not listed as devices. */
const hidden = new WeakMap<Asker, readonly (Exported & { readonly path: string })[]>();

export const mdContainer: LayoutHandler<MdContainer> = {
  kind: 'md-container',
  schema,
  under: carriers,
  claims: memberTypes,
  shared: true,
  askedBy: [containersSubject],
  async look(devices, asker) {
    const members = new Set(
      devices.filter(({ fstype }) => memberTypes.includes(fstype ?? '')).map(({ number }) => number),
    );
    if (members.size === 0) return devices;
    const within = bounded(asker);
    const said = new Map<string, Exported>();
    looked.set(asker, said);
    const ask = async (subject: string, argv: Argv) => await within.ask({ argv, parse: parseExport, subject });
    const askRunning = async (path: string) => await ask(containersSubject, detailExportArgv(path));
    await Promise.all(
      devices.map(async ({ number, path, ...device }) => {
        const isMember = members.has(number);
        if (!isMember && !(isMd(device) && device.parents.some((parent) => members.has(parent)))) return;
        const one = isMember ? await ask(path, examineExportArgv(path)) : await askRunning(path);
        if (one !== undefined) said.set(number, one);
      }),
    );
    const running = devices.flatMap(({ number }) => (members.has(number) ? [] : (said.get(number) ?? [])));
    const listed = running.filter(({ container }) => container === undefined);
    // lsblk of Debian 11 leaves out devices without a size, as containers are.
    const others = new Set(
      running.flatMap(({ container, disks }) =>
        container === undefined || listed.some((one) => disks.every((disk) => one.disks.includes(disk)))
          ? []
          : [container],
      ),
    );
    const unlisted = await Promise.all(
      [...others].map(async (path) => {
        const one = await askRunning(path);
        return one === undefined ? [] : [{ ...one, path }];
      }),
    );
    hidden.set(asker, unlisted.flat());
    // What a spare says of itself names no container.
    const containerOf = new Map(
      [...listed, ...unlisted.flat()].flatMap(({ uuid, disks }) => disks.map((disk) => [disk, uuid] as const)),
    );
    return devices.map((device) => {
      const one = said.get(device.number);
      if (members.has(device.number)) {
        const own = one === undefined || isNil(one.uuid) ? undefined : one.uuid;
        const { uuid: _uuid, ...rest } = device;
        return { ...rest, ...present({ uuid: containerOf.get(device.path) ?? own }) };
      }
      if (one === undefined) return device;
      const uuid = `${one.container === undefined ? 'MD-CONTAINER' : 'MD'}-${one.uuid}`;
      return { ...device, mapping: { name: one.name ?? device.name, uuid } };
    });
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
      const said = found.map(({ number }) => looked.get(asker)?.get(number)).find((one) => one !== undefined);
      const uuid = found[0]?.uuid;
      const device = running.get(id)?.path ?? hidden.get(asker)?.find((one) => one.uuid === uuid)?.path;
      return {
        kind: 'md-container',
        id,
        on: found.map(({ number }) => probes.ids.get(number) ?? number),
        ...present({ device, uuid, metadata: said?.metadata }),
      };
    });
  },
  title: ({ device, metadata, uuid }) =>
    ['container', device, metadata, uuid, device === undefined ? 'stopped' : undefined]
      .filter((part) => part !== undefined)
      .join('  '),
  coverage: (_container, { carrying }) =>
    carrying ? undefined : missing('its arrays do not run, so nothing on them can be read, nor can they be made anew'),
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
