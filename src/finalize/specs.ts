/** What a file means by a device, and how it has to say that from now on. */
import { deviceIdText } from './device-ids.ts';
import { mapperPath } from '../layout/spec.ts';
import { unescapeOctal } from '../layout/tools/fstab.ts';
import type { Component } from '../layout/types.ts';
import { type Layers, sameDisks } from './layers.ts';

export type SpecNow =
  /** Nobody knows what it meant, or it is none of a device. */
  | { readonly state: 'unknown' }
  | { readonly state: 'same' }
  | { readonly state: 'moved'; readonly spec: string }
  /** What it meant was not built again. */
  | { readonly state: 'gone' };

const tagged = /^(UUID|LABEL|PARTUUID|PARTLABEL)="?([^"]*)"?$/s;
const linked = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel|id|path)\/(.*)$/s;

/**
 * @param content id of what was on it, where that is known in another way
 */
export function specNow(captured: Layers, now: Layers, spec: string, content?: string): SpecNow {
  const was = deviceOf(captured, spec);
  const id = content ?? (was === undefined ? undefined : contentOf(captured, was)?.id);
  if (was === undefined && (id === undefined || !spec.startsWith('/dev/'))) {
    const isGone = content !== undefined && now.get(content) === undefined;
    return { state: isGone ? 'gone' : id === undefined || tagged.test(spec) ? 'unknown' : 'same' };
  }
  // What is opened when the system starts has the name that crypttab gives it.
  if (was?.kind === 'crypt') return { state: 'same' };
  const own = was === undefined ? undefined : now.get(was.id);
  // The host's own configuration names these, whatever they are called in a rescue system.
  const isNamed = own !== undefined && named.has(own.kind) && spec.startsWith('/dev/');
  const here = isNamed ? own : deviceOf(now, spec);
  const isSame =
    here !== undefined &&
    (id === undefined ? here.id === was?.id : now.tree.above(here.id).some((above) => above.id === id));
  if (isSame) return { state: 'same' };
  const holds = id === undefined ? undefined : now.get(id);
  // What has no header of its own is there where its partition is.
  const isBare = id === undefined || captured.get(id)?.kind === 'crypt';
  if (holds === undefined && !isBare) return { state: 'gone' };
  // Names that the kernel or udev makes of the disks, which are the same.
  if (spec.startsWith('/dev/') && sameDisks(captured, now)) return { state: 'same' };
  if (holds !== undefined && 'uuid' in holds && holds.uuid !== undefined)
    return { state: 'moved', spec: `UUID=${holds.uuid}` };
  const bare = now.get(holds?.on[0] ?? was?.id ?? '');
  return bare?.kind === 'partition' && bare.partUuid !== undefined
    ? { state: 'moved', spec: `PARTUUID=${bare.partUuid}` }
    : { state: 'gone' };
}

const named: ReadonlySet<string> = new Set(['luks', 'md', 'lv', 'multipath', 'bcache', 'integrity']);

/** The device that is meant: of a UUID what carries it. */
export function deviceOf(layers: Layers, spec: string): Component | undefined {
  const [, tag, value] = tagged.exec(spec) ?? [];
  const [, link, name = ''] = linked.exec(spec) ?? [];
  const kind = tag?.toLowerCase() ?? link;
  const text =
    value ??
    name.replace(/\\x([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
  if (kind === 'uuid' || kind === 'label') return carrierOf(layers, kind, text);
  if (kind === 'partuuid')
    return layers.of('partition').find(({ partUuid }) => partUuid?.toLowerCase() === text.toLowerCase());
  if (kind === 'partlabel') return layers.of('partition').find((one) => one.name === text);
  if (kind === 'id') return layers.layout.components.find((one) => deviceIdText(layers, one, text));
  return kind === 'path' || !spec.startsWith('/dev/') ? undefined : atPath(layers, spec);
}

function carrierOf(layers: Layers, key: 'uuid' | 'label', value: string): Component | undefined {
  const same = (text: string | undefined): boolean =>
    key === 'uuid' ? text?.toLowerCase() === value.toLowerCase() : text === value;
  const found = layers.layout.components.find(
    // These have UUIDs that are not those of what lies on a device.
    (one) => !notContent.has(one.kind) && key in one && same(valueOf(one, key)),
  );
  return found === undefined ? undefined : layers.get(found.on[0] ?? '');
}

const notContent: ReadonlySet<string> = new Set(['table', 'lv', 'vg', 'subvolume', 'md', 'mount', 'boot', 'loader']);

const valueOf = (one: Component, key: 'uuid' | 'label'): string | undefined =>
  key === 'uuid' ? ('uuid' in one ? one.uuid : undefined) : 'label' in one ? one.label : undefined;

function atPath(layers: Layers, path: string): Component | undefined {
  const names = new Set([path, mapperPath(path)]);
  return layers.layout.components.find(
    (one) =>
      ('device' in one && one.device !== undefined && one.kind !== 'loader' && names.has(one.device)) ||
      ((one.kind === 'luks' || one.kind === 'crypt') &&
        one.name !== undefined &&
        names.has(`/dev/mapper/${one.name}`)) ||
      (one.kind === 'md' && names.has(`/dev/md/${one.geometry?.name?.replace(/^.*:/, '') ?? ''}`)),
  );
}

/** What lies on a device as a whole. */
export const contentOf = (layers: Layers, { id }: Component): Component | undefined =>
  layers.tree.above(id).find(({ kind }) => !['table', 'partition', 'mount', 'loader', 'boot'].includes(kind));

/** The first field of a line, as it is meant. */
export const specOfField = (field: string): string => unescapeOctal(field);
