/** What all kinds of filesystems have in common, so that the file of each holds only what is its own. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import { bounded } from '../host/bounded.ts';
import type { Risk } from '../kernel/change.ts';
import { present } from '../kernel/present.ts';
import { nameToBytes } from '../kernel/text.ts';
import { formatBytes } from '../kernel/units.ts';
import { bytes, carriers, common, type LayoutHandler, missing, text } from './handler.ts';
import type { Probes } from './probes.ts';
import type { BlockDevice } from './tools/lsblk.ts';
import type { MountEntry } from './tools/findmnt.ts';

/** A filesystem as it was found: on one device, or on several. */
export interface FilesystemPlace {
  readonly id: string;
  readonly type: string;
  readonly devices: readonly BlockDevice[];
  /** Where it is mounted and not hidden, the first first. */
  readonly mounts: readonly MountEntry[];
}

/** What only the tools of this kind can tell. */
export interface Inspected<G> {
  /** All that is needed to make one like it, apart from UUID and label. */
  readonly geometry?: G;
  /** Of the filesystem itself, which may be smaller than its device. */
  readonly sizeBytes?: number;
  readonly usedBytes?: number;
}

interface FilesystemSpec<K extends string, G extends object> {
  readonly kind: K;
  /** As blkid names them. */
  readonly claims: readonly string[];
  /** One may lie on several devices. */
  readonly shared?: boolean;
  readonly geometry: z.ZodType<G>;
  inspect?(place: FilesystemPlace, asker: Asker, probes: Probes): Promise<Inspected<G> | undefined>;
  /** What a person should see of it beside size, label and UUID. */
  words?(geometry: G): readonly string[];
  /** Attributes of the geometry that differ between two captures of the same state. */
  readonly volatile?: readonly string[];
}

/** Asks for the first bytes of the first device, for kinds whose tools print less or read more. */
export function fromHead<G>(
  bytes: number,
  parse: (head: Buffer) => Inspected<G>,
): (place: FilesystemPlace, asker: Asker) => Promise<Inspected<G> | undefined> {
  return async ({ devices: [device] }, asker) =>
    device === undefined
      ? undefined
      : await asker.ask({
          argv: ['dd', `if=${device.path}`, `bs=${bytes}`, 'count=1', 'status=none'],
          parse: (stdout) => parse(nameToBytes(stdout)),
          subject: device.path,
        });
}

/** An alias and no interface: only so the compiler sees that it is plain JSON. */
export type FilesystemComponent<K extends string, G> = {
  kind: K;
  id: string;
  on: string[];
  renewed?: true;
  type: string;
  uuid?: string;
  label?: string;
  sizeBytes: number;
  usedBytes?: number;
  geometry?: G;
};

/** The handler of a kind of filesystem. */
export function filesystemKind<K extends string, G extends object>(
  spec: FilesystemSpec<K, G>,
): LayoutHandler<FilesystemComponent<K, G>> {
  return {
    kind: spec.kind,
    schema: z.object({
      kind: z.literal(spec.kind),
      ...common,
      /** As blkid names it. */
      type: z.string(),
      uuid: text,
      label: text,
      sizeBytes: bytes,
      /** Absent where nobody could tell. */
      usedBytes: bytes.exactOptional(),
      /** Absent where it could not be seen. */
      geometry: spec.geometry.exactOptional(),
    }),
    under: carriers,
    claims: spec.claims,
    shared: spec.shared ?? false,
    async capture(probes, asker) {
      const within = bounded(asker);
      return await Promise.all(
        placesOf(probes, spec.kind).map(async (place) => {
          const found = await spec.inspect?.(place, within, probes);
          return {
            kind: spec.kind,
            ...plainComponent(place, probes, found),
            ...present({ geometry: found?.geometry }),
          };
        }),
      );
    },
    title({ type, label, uuid, sizeBytes, usedBytes, geometry }) {
      const size =
        usedBytes === undefined
          ? formatBytes(sizeBytes)
          : `${formatBytes(usedBytes)} of ${formatBytes(sizeBytes)} used`;
      const own = geometry === undefined ? [] : (spec.words?.(geometry) ?? []);
      return [type, size, label === undefined ? undefined : `"${label}"`, uuid, ...own]
        .filter((part) => part !== undefined)
        .join('  ');
    },
    coverage: (_, { mounted }) => (mounted ? undefined : missing('not mounted: its files cannot be read')),
    volatile: ['usedBytes', ...(spec.volatile ?? []).map((name) => `geometry.${name}`)],
    risk: filesystemRisk,
  };
}

/** What a new one holds is in no older point; everything else about it is made anew as it was. */
function filesystemRisk({ change }: { readonly change: string }): Risk {
  return change === 'added' ? 'data' : 'appearance';
}

function plainComponent(place: FilesystemPlace, probes: Probes, found: Inspected<object> | undefined) {
  const [first] = place.devices;
  const space = place.mounts.map(({ target }) => probes.space.get(target)).find((known) => known !== undefined);
  return {
    id: place.id,
    on: place.devices.map(({ number }) => probes.ids.get(number) ?? number),
    type: place.type,
    sizeBytes: found?.sizeBytes ?? place.devices.reduce((sum, device) => sum + device.sizeBytes, 0),
    ...present({
      uuid: first?.uuid,
      label: first?.label,
      usedBytes: space?.usedBytes ?? found?.usedBytes ?? first?.fsUsedBytes,
    }),
  };
}

/** The filesystems of one kind. One that lies on several devices is one place. */
export function placesOf(probes: Probes, kind: string): FilesystemPlace[] {
  const devices = new Map<string, BlockDevice[]>();
  for (const device of probes.devices) {
    if (probes.contentKindOf(device) !== kind) continue;
    const id = probes.contentIds.get(device.number) ?? device.number;
    const known = devices.get(id);
    if (known === undefined) devices.set(id, [device]);
    else known.push(device);
  }
  return [...devices].map(([id, on]) => ({
    id,
    type: on[0]?.fstype ?? kind,
    devices: on,
    mounts: on.flatMap(({ number }) => probes.mountsOf.get(number) ?? []),
  }));
}
