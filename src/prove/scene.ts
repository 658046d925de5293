/** A recovered system as the proofs of booting and mounting look at it: its files, its mounts, and what its files mean by a device. */
import type { Host } from '../host/host.ts';
import { isWithin } from '../layout/mount-place.ts';
import { crypttabFile, type CrypttabEntry, parseCrypttab } from '../layout/tools/crypttab.ts';
import { fstabFile, type FstabEntry, parseFstab } from '../layout/tools/fstab.ts';
import type { ComponentOf, Layout } from '../layout/types.ts';
import { type Devices, devicesOf } from './devices.ts';
import { type Inside, insideOf } from './inside.ts';

export type Mount = ComponentOf<'mount'>;

export interface Scene {
  readonly inside: Inside;
  /** What is here. */
  readonly devices: Devices;
  /** What was there when the point was made: what led to nothing then is nobody's fault now. */
  readonly before: Devices;
  readonly firmware: 'bios' | 'uefi';
  /** What is mounted in it, with paths as the system has them; the longest last. */
  readonly mounts: readonly Mount[];
  readonly fstab: readonly FstabEntry[];
  readonly crypttab: readonly CrypttabEntry[];
  /** Numbers of lines in either that are none, as text. */
  readonly badLines: readonly string[];
}

export interface SceneRequest {
  readonly root: string;
  readonly layout: Layout;
  readonly captured: Layout;
  readonly firmware: 'bios' | 'uefi';
}

export async function sceneOf(
  { root, layout, captured, firmware }: SceneRequest,
  host: Host,
  signal: AbortSignal,
): Promise<Scene> {
  const inside = insideOf(root);
  const badLines: string[] = [];
  const bad = (file: string) => (line: number) => {
    badLines.push(`${file} line ${line}`);
  };
  const fstab = parseFstab(inside.text(fstabFile) ?? '', bad(fstabFile));
  const crypttab = parseCrypttab(inside.text(crypttabFile) ?? '', bad(crypttabFile));
  const links = await udevLinks(
    [...fstab, ...crypttab].map(({ spec }) => spec),
    layout,
    host,
    signal,
  );
  const named = (of: Layout) => new Map([...ownNames(of, crypttab, inside), ...(of === layout ? links : [])]);
  const mounts = layout.components
    .filter(
      (one): one is Mount => one.kind === 'mount' && one.mounted && one.hidden !== true && isWithin(one.path, root),
    )
    .map((one) => ({ ...one, path: one.path.slice(root.length) || '/' }))
    .toSorted((one, other) => one.path.length - other.path.length);
  return {
    inside,
    devices: devicesOf(layout, named(layout)),
    before: devicesOf(captured, named(captured)),
    firmware,
    mounts,
    fstab,
    crypttab,
    badLines,
  };
}

/** Names that come into being when the system opens and assembles what it is told to. */
function ownNames(layout: Layout, crypttab: readonly CrypttabEntry[], inside: Inside): [string, string[]][] {
  const plain = devicesOf(layout);
  const opened = crypttab.map(({ name, spec }): [string, string[]] => {
    const volumes = plain.meant(spec);
    const ids = layout.components.filter(
      (one) =>
        (one.kind === 'luks' || one.kind === 'crypt') && volumes.some(({ id }) => one.id === id || one.on.includes(id)),
    );
    return [`/dev/mapper/${name}`, ids.map(({ id }) => id)];
  });
  const conf = inside.text('/etc/mdadm/mdadm.conf') ?? inside.text('/etc/mdadm.conf') ?? '';
  const digits = (text: string | undefined): string => (text ?? '').replace(/[^0-9a-f]/gi, '').toLowerCase();
  const arrays = [...conf.matchAll(/^ARRAY\s+(\/\S+)\s.*?\bUUID=(\S+)/gim)].map(
    ([, path = '', uuid]): [string, string[]] => [
      path,
      layout.components.flatMap((one) => (one.kind === 'md' && digits(one.uuid) === digits(uuid) ? [one.id] : [])),
    ],
  );
  return [...opened, ...arrays];
}

/** Links that udev makes of serial numbers and places: only a machine knows where these lead. */
async function udevLinks(
  specs: readonly string[],
  layout: Layout,
  host: Host,
  signal: AbortSignal,
): Promise<[string, string[]][]> {
  const links = new Set(
    specs.filter((spec) => /^\/dev\/disk\/by-(?!uuid\/|label\/|partuuid\/|partlabel\/)/.test(spec)),
  );
  const plain = devicesOf(layout);
  const found: [string, string[]][] = [];
  for (const link of links) {
    const { stdout, code } = await host.run(['realpath', '-e', '--', link], { okCodes: [0, 1] }, signal);
    if (code === 0) found.push([link, plain.meant(stdout.toString().trim()).map(({ id }) => id)]);
  }
  return found;
}

/** The mount that shows a path of the system. */
export function mountAt({ mounts }: Scene, path: string): Mount | undefined {
  return mounts.findLast((mount) => isWithin(path, mount.path));
}

export function hasOption(options: string, ...names: readonly string[]): boolean {
  return options.split(',').some((option) => names.includes(option));
}
