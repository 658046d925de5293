/** What the kernel makes of other devices (arrays, volumes, mappings), and which kind of component takes it. */
import type { Asker } from '../host/asker.ts';
import type { MountEntry } from './tools/findmnt.ts';
import type { BlockDevice } from './tools/lsblk.ts';

/** How a kind of component is known again among devices and what lies on them; all of it is in its handler. */
export interface Claim {
  readonly kind: string;
  /** Types, as blkid names them, of what lies on a device and is of this kind. */
  readonly claims?: readonly string[];
  readonly shared?: boolean;
  look?(devices: readonly BlockDevice[], asker: Asker): Promise<readonly BlockDevice[]>;
  deviceId?(device: BlockDevice, parents: readonly BlockDevice[]): string | undefined;
  mountId?(mount: MountEntry, asker: Asker): string | undefined;
  inner?(device: BlockDevice, children: readonly BlockDevice[]): boolean;
  copy?(device: BlockDevice, parents: readonly BlockDevice[]): boolean;
}

export interface Claims {
  /** Of what kind something of this type is, and whether devices with the same UUID hold parts of one whole. */
  content(type: string): { readonly kind: string; readonly shared: boolean } | undefined;
  /** The devices, after the closer looks of all kinds. */
  look(devices: readonly BlockDevice[], asker: Asker): Promise<readonly BlockDevice[]>;
  deviceId(device: BlockDevice, parents: readonly BlockDevice[]): string | undefined;
  mountId(mount: MountEntry, asker: Asker): string | undefined;
  /** A part of what the kernel made: what can be seen on it lies on the whole. */
  inner(device: BlockDevice, children: readonly BlockDevice[]): boolean;
  /** What lies on it is a copy of what lies elsewhere, with the same UUID. */
  copy(device: BlockDevice, parents: readonly BlockDevice[]): boolean;
}

export function claimsOf(handlers: readonly Claim[]): Claims {
  const contents = new Map(
    handlers.flatMap(({ kind, claims = [], shared = false }) =>
      claims.map((type) => [type, { kind, shared }] as const),
    ),
  );
  return {
    content: (type) => contents.get(type),
    async look(devices, asker) {
      let known = devices;
      for (const handler of handlers) known = (await handler.look?.(known, asker)) ?? known;
      return known;
    },
    deviceId(device, parents) {
      for (const handler of handlers) {
        const id = handler.deviceId?.(device, parents);
        if (id !== undefined) return id;
      }
      return undefined;
    },
    mountId(mount, asker) {
      return handlers.map((handler) => handler.mountId?.(mount, asker)).find((id) => id !== undefined);
    },
    inner: (device, children) => handlers.some((handler) => handler.inner?.(device, children) === true),
    copy: (device, parents) => handlers.some((handler) => handler.copy?.(device, parents) === true),
  };
}

/** A name and a UUID that a mapping was given by what made it: `LVM-…`, `CRYPT-LUKS2-…`, `mpath-…`. */
export interface Mapping {
  readonly name: string;
  readonly uuid: string;
}

const attributes = ['name', 'uuid'] as const;

/** What a gap is named after where nobody could tell what mapped devices are. */
export const mappingsSubject = 'names of mapped devices';

/** The mappings of the kernel's device mapper, by the names of their devices (`dm-0`). */
export async function askMappings(asker: Asker, devices: readonly BlockDevice[]): Promise<Map<string, Mapping>> {
  const mapped = devices.filter(({ name }) => name.startsWith('dm-'));
  const files = mapped.flatMap(({ name }) => attributes.map((attribute) => `/sys/block/${name}/dm/${attribute}`));
  const [first, ...rest] = files;
  if (first === undefined) return new Map();
  const said = await asker.ask({
    // "-s": what has gone meanwhile is no error.
    argv: ['grep', '-sH', '', first, ...rest],
    okCodes: [0, 1, 2],
    subject: mappingsSubject,
    parse: parseMappings,
  });
  return said ?? new Map<string, Mapping>();
}

/** `grep -H` over those files. A name may hold colons, but no line break. */
export function parseMappings(stdout: string): Map<string, Mapping> {
  const found = new Map<string, Partial<Mapping>>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const [, device, attribute, value] = /^\/sys\/block\/([^/]+)\/dm\/(name|uuid):(.*)$/.exec(line) ?? [];
    if (device === undefined || attribute === undefined) throw new Error(`not an attribute: ${JSON.stringify(line)}`);
    found.set(device, { ...found.get(device), [attribute]: value });
  }
  return new Map([...found].map(([device, { name = '', uuid = '' }]) => [device, { name, uuid }]));
}
