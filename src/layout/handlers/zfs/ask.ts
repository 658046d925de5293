/** The questions to ZFS: six for all pools and datasets, and one for each device of a pool that is not imported. */
import type { Asker } from '../../../host/asker.ts';
import { bounded } from '../../../host/bounded.ts';
import { present } from '../../../kernel/present.ts';
import type { BlockDevice } from '../../tools/lsblk.ts';
import {
  configArgv,
  type Dataset,
  datasetsArgv,
  labelArgv,
  type Nvlist,
  parseDatasets,
  parseNvlist,
  parseSettings,
  parseStatus,
  parseVolumes,
  partsOf,
  poolPropertiesArgv,
  type Setting,
  settingsArgv,
  statusArgv,
  type StatusLine,
  volumesArgv,
} from '../../tools/zfs.ts';

export const memberType = 'zfs_member';

/** What a gap is named after where nobody could tell what pools are made of. */
export const devicesSubject = 'devices of ZFS pools';
/** What gaps about all of its kinds are named after. */
export const zfsQuestions = ['zpool', 'zfs', 'zdb', devicesSubject, 'volumes of ZFS'];

/** A line of a pool's tree, by its GUID and by what else it is called. */
export interface Line extends StatusLine {
  readonly guid: string;
}

export interface Pool {
  readonly name: string;
  readonly guid: string;
  readonly properties: ReadonlyMap<string, Setting>;
  readonly lines: readonly Line[];
}

export interface Zfs {
  readonly pools: readonly Pool[];
  /** What is known of parts of pools besides, by their GUIDs. */
  readonly parts: ReadonlyMap<string, Nvlist>;
  readonly datasets: readonly Dataset[];
  /** Absent where nobody could tell them. */
  readonly settings?: ReadonlyMap<string, ReadonlyMap<string, Setting>>;
  /** Labels of devices of pools that are not imported, by device number. */
  readonly labels: ReadonlyMap<string, Nvlist>;
  /** Names of the kernel's devices by those of volumes. */
  readonly volumes: ReadonlyMap<string, string>;
}

const nothing: Zfs = {
  pools: [],
  parts: new Map(),
  datasets: [],
  labels: new Map(),
  volumes: new Map(),
};

const asked = new WeakMap<Asker, Zfs>();

/** What was said when the devices were looked at. */
export const zfsOf = (asker: Asker): Zfs => asked.get(asker) ?? nothing;

export const isVolume = ({ name, type }: BlockDevice): boolean => type !== 'part' && /^zd\d+$/.test(name);

/** Asks where something of ZFS was seen. */
export async function askZfs(devices: readonly BlockDevice[], asker: Asker): Promise<Zfs> {
  const members = devices.filter(({ fstype }) => fstype === memberType);
  if (members.length === 0 && !devices.some(isVolume)) return nothing;
  const [properties, paths, guids, config, datasets = [], settings, volumes] = await Promise.all([
    asker.ask({ argv: poolPropertiesArgv, parse: parseSettings }),
    asker.ask({ argv: statusArgv('-P'), parse: parseStatus, subject: devicesSubject }),
    asker.ask({ argv: statusArgv('-g'), parse: parseStatus, subject: devicesSubject }),
    // No cache file, or one that is told of nowhere: it holds nothing that is needed.
    asker.ask({ argv: configArgv, okCodes: [0, 1, 2], parse: parseNvlist }),
    asker.ask({ argv: datasetsArgv, parse: parseDatasets }),
    asker.ask({ argv: settingsArgv, parse: parseSettings }),
    devices.some(isVolume)
      ? asker.ask({ argv: volumesArgv, okCodes: [0, 1], parse: parseVolumes, subject: 'volumes of ZFS' })
      : undefined,
  ]);
  const pools = [...(properties ?? [])].flatMap(([name, known]): Pool[] => {
    const guid = known.get('guid')?.value;
    const lines = joined(paths?.get(name) ?? [], guids?.get(name) ?? []);
    return guid === undefined ? [] : [{ name, guid, properties: known, lines }];
  });
  const imported = new Set(pools.map(({ guid }) => guid));
  const others = members.filter(({ uuid }) => uuid === undefined || !imported.has(uuid));
  const answer: Zfs = {
    ...nothing,
    pools,
    datasets,
    labels: await askLabels(others, bounded(asker)),
    ...present({ parts: config === undefined ? undefined : partsOf(config), settings, volumes }),
  };
  asked.set(asker, answer);
  return answer;
}

/** A device may have gone between the two questions: then neither is believed. */
function joined(paths: readonly StatusLine[], guids: readonly StatusLine[]): Line[] {
  if (paths.length !== guids.length) return [];
  return paths.map((line, index) => ({ ...line, guid: guids[index]?.name ?? '' }));
}

async function askLabels(devices: readonly BlockDevice[], asker: Asker): Promise<Map<string, Nvlist>> {
  const found = await Promise.all(
    devices.map(async ({ number, path }) => {
      const label = await asker.ask({ argv: labelArgv(path), okCodes: [0, 1, 2], parse: parseNvlist, subject: path });
      return label === undefined ? [] : [[number, label] as const];
    }),
  );
  return new Map(found.flat());
}
