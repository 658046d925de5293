/** What the files of a system mean by a device, among those that are here. */
import { mapperPath } from '../layout/spec.ts';
import type { Component, Layout } from '../layout/types.ts';

export interface Devices {
  readonly layout: Layout;
  /** The component with this id. */
  get(id: string): Component | undefined;
  /** What is meant: devices, or what lies on them. Several, where they say the same of themselves. */
  meant(spec: string): readonly Component[];
  /** Whether what is meant is this filesystem, swap or encrypted volume, or the device that it lies on. */
  leadsTo(spec: string, id: string): boolean;
  /** The filesystem of a subvolume; of anything else itself. */
  filesystem(id: string): string;
}

/** Ways to name a device that are looked up here, and not on a machine. */
const tags: Readonly<Record<string, string>> = {
  uuid: 'uuid',
  label: 'label',
  partuuid: 'partUuid',
  partlabel: 'name',
};
const withoutTag: ReadonlySet<string> = new Set(['table', 'vg', 'lv', 'subvolume', 'mount', 'boot', 'loader', 'disk']);

/** @param named ids of what the system itself gives these names to, or what udev does */
export function devicesOf(layout: Layout, named: ReadonlyMap<string, readonly string[]> = new Map()): Devices {
  const byId = new Map(layout.components.map((one) => [one.id, one]));
  const filesystem = (id: string): string => {
    const found = byId.get(id);
    return found?.kind === 'subvolume' ? (found.on[0] ?? id) : id;
  };
  const meant = (spec: string): readonly Component[] => {
    const [, tag = '', value = ''] =
      /^([A-Z]+)="?([^"]*)"?$/s.exec(spec) ??
      /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.*)$/s.exec(spec) ??
      [];
    const key = tags[tag.toLowerCase()];
    if (key !== undefined) {
      const wanted = spec.startsWith('/') ? unescaped(value) : value;
      return layout.components.filter((one) => isTagged(one, tag.toLowerCase(), key, wanted));
    }
    if (!spec.startsWith('/dev/')) return [];
    const ids = named.get(spec);
    if (ids !== undefined) return ids.flatMap((id) => byId.get(id) ?? []);
    return layout.components.filter((one) => isAt(one, spec));
  };
  return {
    layout,
    get: (id) => byId.get(id),
    meant,
    filesystem,
    leadsTo: (spec, id) => {
      const target = byId.get(filesystem(id));
      return target !== undefined && meant(spec).some((one) => one.id === target.id || target.on.includes(one.id));
    },
  };
}

function isTagged(one: Component, tag: string, key: string, value: string): boolean {
  const ofPartition = tag.startsWith('part');
  if (ofPartition ? one.kind !== 'partition' : withoutTag.has(one.kind) || one.kind === 'partition') return false;
  const found: unknown = Object.entries(one).find(([name]) => name === key)?.[1];
  if (typeof found !== 'string') return false;
  return tag.endsWith('uuid') ? found.toLowerCase() === value.toLowerCase() : found === value;
}

function isAt(one: Component, path: string): boolean {
  if (one.kind === 'loader' || one.kind === 'mount') return false;
  const names = [path, mapperPath(path)];
  if ('device' in one && one.device !== undefined && names.includes(one.device)) return true;
  if (one.kind === 'luks' || one.kind === 'crypt')
    return one.name !== undefined && names.includes(`/dev/mapper/${one.name}`);
  return one.kind === 'md' && names.includes(`/dev/md/${one.geometry?.name?.replace(/^.*:/, '') ?? ''}`);
}

/** udev writes what may not stand in a file name as `\x20`. */
function unescaped(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
