/** Devices whose data is cached by bcache. Each stands on its device, and on the set of caches that it may have newer data in. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import { bounded } from '../../host/bounded.ts';
import { present } from '../../kernel/present.ts';
import { nameToBytes } from '../../kernel/text.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from '../handler.ts';
import type { Probes } from '../probes.ts';
import {
  type Backing,
  type Cache,
  parseRunning,
  parseSuperblock,
  type Running,
  runningArgv,
  superblockArgv,
} from '../tools/bcache.ts';
import type { BlockDevice } from '../tools/lsblk.ts';

const schema = z.object({
  kind: z.literal('bcache'),
  ...common,
  /** Path as last seen: no identity. Absent while it does not run. */
  device: text,
  uuid: text,
  label: text,
  /** UUID of its set of caches, which need not be there; absent for one that has none. */
  set: text,
  sizeBytes: bytes.exactOptional(),
  /** As the kernel says: `clean`, `dirty`, `no cache`, `inconsistent`. */
  state: text,
  /** About how much is in the cache alone, while it runs. */
  dirtyBytes: bytes.exactOptional(),
  /** Absent where its superblock could not be read. */
  geometry: z
    .object({
      cacheMode: z.string(),
      blockBytes: bytes,
      /** Where its data begins on its device. */
      dataOffsetBytes: bytes,
    })
    .exactOptional(),
});

type Bcache = z.infer<typeof schema>;

const memberType = 'bcache';
/** As blkid calls both `bcache`; by the UUID of the set. */
export const cacheType = 'bcache_cache';

const looked = new WeakMap<Asker, Map<string, Backing | Cache>>();

/** What the superblocks say, by device number. */
export function superblocksOf(asker: Asker): ReadonlyMap<string, Backing | Cache> {
  return looked.get(asker) ?? new Map<string, Backing | Cache>();
}

export const bcache: LayoutHandler<Bcache> = {
  kind: 'bcache',
  schema,
  under: [...carriers, 'bcache-set'],
  claims: [memberType],
  askedBy: ['state of bcache'],
  async look(devices, asker) {
    const within = bounded(asker);
    const found = new Map<string, Backing | Cache>();
    looked.set(asker, found);
    const ask = async (device: BlockDevice): Promise<BlockDevice> => {
      if (device.fstype !== memberType) return device;
      const argv = superblockArgv(device.path);
      const parse = (stdout: string) => parseSuperblock(nameToBytes(stdout), device.sizeBytes);
      const said = await within.ask({ argv, parse, subject: device.path });
      if (said === undefined) return device;
      found.set(device.number, said);
      return said.role === 'backing' ? device : { ...device, fstype: cacheType, ...present({ uuid: said.set }) };
    };
    return await Promise.all(devices.map(ask));
  },
  deviceId(device, parents) {
    const uuid = parents.find((parent) => parent.fstype === memberType)?.uuid;
    return isRunning(device) && uuid !== undefined ? `bcache:${uuid}` : undefined;
  },
  async capture(probes, asker) {
    const running = new Map(
      probes.devices.filter(isRunning).map((device) => [probes.ids.get(device.number) ?? device.number, device]),
    );
    const [first, ...rest] = [...running.values()].map(({ name }) => name);
    const states =
      first === undefined
        ? undefined
        : await asker.ask({
            argv: runningArgv([first, ...rest]),
            okCodes: [0, 1, 2],
            subject: 'state of bcache',
            parse: parseRunning,
          });
    return probes.devices
      .filter((device) => probes.contentKindOf(device) === 'bcache')
      .map((device) => {
        const id = probes.contentIds.get(device.number) ?? device.number;
        const made = running.get(id);
        const said = superblocksOf(asker).get(device.number);
        const backing = said?.role === 'backing' ? said : undefined;
        return component(id, device, made, backing, states?.get(made?.name ?? ''), probes);
      });
  },
  title({ device, sizeBytes, label, state, dirtyBytes = 0, geometry }) {
    return [
      'bcache',
      device,
      sizeBytes === undefined ? undefined : formatBytes(sizeBytes),
      label === undefined ? undefined : `"${label}"`,
      geometry?.cacheMode,
      dirtyBytes > 0 ? `${formatBytes(dirtyBytes)} in the cache alone` : state === 'clean' ? undefined : state,
      device === undefined ? 'does not run' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ device, set, state, dirtyBytes = 0 }, { carrying }) {
    if (device === undefined) {
      const newest = state === 'dirty' ? `; its newest data is in the cache ${set ?? ''}` : '';
      return missing(`it does not run, so nothing on it can be read${newest}`);
    }
    if (!carrying) return missing('nothing was seen on it: if it holds data, nothing of it is backed up');
    if (dirtyBytes === 0) return undefined;
    const reason = `files are read through the cache, which alone has ${formatBytes(dirtyBytes)} of it`;
    return { state: 'covered', reason, harmless: true };
  },
  volatile: ['device', 'state', 'dirtyBytes'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

const isRunning = ({ name, type }: BlockDevice): boolean => type !== 'part' && /^bcache\d+$/.test(name);

function component(
  id: string,
  { number, uuid, sizeBytes }: BlockDevice,
  made: BlockDevice | undefined,
  said: Backing | undefined,
  now: Running | undefined,
  probes: Probes,
): Bcache {
  const set = said?.set === undefined ? undefined : `bcache-set:${said.set}`;
  const isThere = set !== undefined && [...probes.contentIds.values()].includes(set);
  return {
    kind: 'bcache',
    id,
    on: [probes.ids.get(number) ?? number, ...(isThere ? [set] : [])],
    ...present({
      device: made?.path,
      uuid,
      label: said?.label,
      set: said?.set,
      sizeBytes: made?.sizeBytes ?? (said === undefined ? undefined : sizeBytes - said.dataOffsetBytes),
      state: now?.state ?? said?.state,
      dirtyBytes: now?.dirtyBytes,
      geometry:
        said === undefined
          ? undefined
          : { cacheMode: said.cacheMode, blockBytes: said.blockBytes, dataOffsetBytes: said.dataOffsetBytes },
    }),
  };
}
