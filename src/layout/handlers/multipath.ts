/** Maps of multipath: one disk of a storage system, reached over several paths. What lies on it is seen on each path and belongs to the map. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { formatBytes } from '../../kernel/units.ts';
import { bytes, common, type LayoutHandler, missing, text } from '../handler.ts';
import type { Probes } from '../probes.ts';
import type { BlockDevice } from '../tools/lsblk.ts';
import { type MapState, type MapTable, parseStates, parseTables, statesArgv, tablesArgv } from '../tools/multipath.ts';
import { filesArgv, filesOkCodes, type MultipathFiles, parseFiles, settingsFor } from '../tools/multipath-conf.ts';
import { mappingsSubject } from '../stacked.ts';

const schema = z.object({
  kind: z.literal('multipath'),
  ...common,
  /** Path as last seen: no identity. */
  device: z.string(),
  /** As multipath writes it: with the type of the number before it. */
  wwid: z.string(),
  /** Its name below `/dev/mapper`. */
  alias: z.string(),
  /** Where that comes from: `multipath.conf`, or the list that multipath keeps; absent where the WWID is the name. */
  namedBy: z.enum(['configuration', 'bindings']).exactOptional(),
  /** `/etc/multipath/wwids` does not hold it: where only known disks are taken, it will not be put together again. */
  unlisted: z.literal(true).exactOptional(),
  sizeBytes: bytes,
  /** Absent where the kernel could not be asked. */
  geometry: z
    .object({
      /** `retain_attached_hw_handler`, … as the kernel has them. */
      features: z.array(z.string()),
      /** `alua`, … */
      hardwareHandler: text,
      /** `service-time 0`, … */
      selector: text,
      /** What `multipath.conf` says for this one; what it does not say is multipath's own. Absent where nobody could read it. */
      configured: z.record(z.string(), z.string()).exactOptional(),
    })
    .exactOptional(),
  /** Whether what is written waits when all paths are gone. multipathd turns this on and off, as `no_path_retry` says. */
  queueing: z.boolean().exactOptional(),
  /** As they are at the moment. */
  groups: z
    .array(
      z.object({
        state: z.enum(['active', 'enabled', 'disabled']).exactOptional(),
        paths: z.array(z.object({ on: z.string(), failed: z.literal(true).exactOptional() })),
      }),
    )
    .exactOptional(),
});

type Multipath = z.infer<typeof schema>;

const waiting = 'queue_if_no_path';

const wwidOf = ({ mapping }: BlockDevice): string | undefined => /^mpath-(.+)$/s.exec(mapping?.uuid ?? '')?.[1];

export const multipath: LayoutHandler<Multipath> = {
  kind: 'multipath',
  schema,
  under: ['disk'],
  askedBy: [mappingsSubject, 'multipath', 'files of multipath'],
  deviceId(device) {
    const wwid = wwidOf(device);
    return wwid === undefined ? undefined : `multipath:${wwid}`;
  },
  inner: (_, children) => children.some((child) => wwidOf(child) !== undefined),
  async capture(probes, asker) {
    const maps = probes.devices.flatMap((device) => {
      const wwid = wwidOf(device);
      return wwid === undefined ? [] : [{ device, wwid }];
    });
    if (maps.length === 0) return [];
    const [tables, states, files] = await Promise.all([
      asker.ask({ argv: tablesArgv, parse: parseTables, subject: 'multipath' }),
      asker.ask({ argv: statesArgv, parse: parseStates, subject: 'multipath' }),
      asker.ask({ argv: filesArgv, okCodes: filesOkCodes, parse: parseFiles, subject: 'files of multipath' }),
    ]);
    return maps.map(({ device, wwid }) => {
      const name = device.mapping?.name ?? '';
      const found = component(device, wwid, tables?.get(name), states?.get(name), files, probes);
      if (failedOf(found.groups) >= found.on.length && found.groups !== undefined) {
        asker.gap({
          subject: device.path,
          problem: 'none of its paths works, so that nothing on it can be read',
          hint: 'multipath -ll tells of its paths; see to the connection to the storage system',
        });
      }
      return found;
    });
  },
  title({ device, alias, wwid, sizeBytes, on, geometry, queueing, groups }) {
    const failed = failedOf(groups);
    return [
      `multipath ${alias}`,
      device === `/dev/mapper/${alias}` ? undefined : device,
      formatBytes(sizeBytes),
      alias === wwid ? undefined : wwid,
      `${on.length} path${on.length === 1 ? '' : 's'}`,
      failed === 0 ? undefined : `${failed} failed`,
      geometry?.selector?.replace(/ 0$/, ''),
      queueing === true ? 'waits when all paths are gone' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
  coverage({ on, groups }, { carrying }) {
    const failed = failedOf(groups);
    const lack = failed === 0 ? '' : `; ${failed} of ${on.length} paths failed now`;
    if (on.length === 0 || failed === on.length) return missing('no path to it works, so nothing on it can be read');
    if (!carrying) return missing(`nothing was seen on it: if it holds data, nothing of it is backed up${lack}`);
    return undefined;
  },
  volatile: ['device', 'queueing', 'groups'],
  risk: ({ change }) => (change === 'added' ? 'data' : 'appearance'),
};

function failedOf(groups: Multipath['groups']): number {
  return groups?.flatMap(({ paths }) => paths).filter(({ failed }) => failed === true).length ?? 0;
}

function component(
  device: BlockDevice,
  wwid: string,
  table: MapTable | undefined,
  state: MapState | undefined,
  files: MultipathFiles | undefined,
  probes: Probes,
): Multipath {
  const id = (number: string) => probes.ids.get(number) ?? number;
  const path = probes.devices.find(({ number }) => device.parents.includes(number));
  const alias = device.mapping?.name ?? device.name;
  const configured =
    files === undefined
      ? undefined
      : settingsFor(files, { wwid, ...present({ vendor: path?.vendor, product: path?.model }) });
  const failed = new Set<string>(
    state?.groups.flatMap(({ paths }) => paths.filter((one) => one.failed).map(({ number }) => number)),
  );
  const selectors = new Set(table?.groups.map(({ selector }) => selector));
  return {
    kind: 'multipath',
    id: `multipath:${wwid}`,
    // The kernel tells numbers of paths that have gone from the machine, too.
    on: device.parents.map(id).sort(),
    device: device.path,
    wwid,
    alias,
    sizeBytes: device.sizeBytes,
    ...present({
      namedBy:
        configured?.['alias'] === alias
          ? ('configuration' as const)
          : files?.bindings.get(wwid) === alias
            ? ('bindings' as const)
            : undefined,
      unlisted: files === undefined || files.wwids.has(wwid) ? undefined : (true as const),
      geometry:
        table === undefined
          ? undefined
          : {
              features: table.features.filter((one) => one !== waiting),
              ...present({
                hardwareHandler: table.handler === '' ? undefined : table.handler,
                selector: selectors.size === 0 ? undefined : [...selectors].join(', '),
                configured,
              }),
            },
      queueing: table?.features.includes(waiting),
      groups: table?.groups.map(({ paths }, index) => ({
        ...present({ state: state?.groups[index]?.state }),
        paths: paths.map((number) => ({ on: id(number), ...(failed.has(number) ? { failed: true as const } : {}) })),
      })),
    }),
  };
}
