/** What has changed between two captures of the storage, by identity and in words. */
import type { Change } from '../kernel/change.ts';
import { formatBytes } from '../kernel/units.ts';
import type { Difference } from './handler.ts';
import { type Component, handlerOf, type Layout } from './types.ts';

/** Empty when the two describe the same storage. What could not be seen in one of them is no change. */
export function layoutChanges(before: Layout, after: Layout): Change[] {
  const old = compared(before);
  const now = compared(after);
  const blind = blindness(before, after);
  const changes: Change[] = [];
  for (const [id, component] of old) {
    if (!now.has(id) && !blind(component, before)) changes.push(wholeChange({ change: 'removed', component }));
  }
  for (const [id, component] of now) {
    const was = old.get(id);
    if (was === undefined) {
      if (!blind(component, after)) changes.push(wholeChange({ change: 'added', component }));
      continue;
    }
    const found = attributeChanges(was, component);
    if (found.length > 0 && !blind(component, after)) changes.push(...found);
  }
  return changes;
}

function wholeChange(difference: Difference<Component>): Change {
  const { change, component } = difference;
  const handler = handlerOf(component);
  return {
    subject: component.id,
    change,
    risk: handler.risk(difference),
    text: `${change}: ${handler.title(component)}`,
  };
}

/** Components by id, without those that come and go by themselves and what stands only on them. */
function compared(layout: Layout): Map<string, Component> {
  const lasting = new Set<string>();
  const byId = new Map(layout.components.map((component) => [component.id, component]));
  // What is in fstab, or is the root, belongs to the host whatever it lies on.
  const keep = (component: Component): void => {
    if (lasting.has(component.id)) return;
    lasting.add(component.id);
    for (const id of component.on) {
      const under = byId.get(id);
      if (under !== undefined) keep(under);
    }
  };
  for (const component of layout.components) {
    if (component.kind === 'mount' && (component.fstab !== undefined || component.path === '/')) keep(component);
  }
  const known = new Map<string, boolean>();
  const passes = (component: Component): boolean => {
    const answer = known.get(component.id);
    if (answer !== undefined) return answer;
    const own = !lasting.has(component.id) && handlerOf(component).passing?.(component) === true;
    const under = component.on.flatMap((id) => byId.get(id) ?? []);
    const result = own || (!lasting.has(component.id) && under.length > 0 && under.every(passes));
    known.set(component.id, result);
    return result;
  };
  return new Map([...byId].filter(([, component]) => !passes(component)));
}

const bootQuestions = ['lsblk', 'findmnt', 'efibootmgr', 'files of loaders', 'settings of loaders', 'EFI programs'];

/** Which questions a kind is seen by, besides those about its devices. */
const seenBy: Readonly<Partial<Record<Component['kind'], readonly string[]>>> = {
  mount: ['findmnt', '/etc/fstab'],
  luks: ['lsblk', '/etc/crypttab'],
  crypt: ['lsblk', '/etc/crypttab'],
  subvolume: ['lsblk', 'findmnt', 'attributes of subvolumes'],
  loop: ['lsblk', 'losetup'],
  disk: ['lsblk', 'bus paths of disks', 'sessions of iSCSI'],
  iscsi: ['lsblk', 'sessions of iSCSI', 'records of iSCSI'],
  multipath: ['lsblk', 'multipath', 'files of multipath'],
  'raid-controller': ['lsblk', 'bus paths of disks', 'RAID controllers'],
  'logical-drive': ['lsblk', 'bus paths of disks', 'RAID controllers'],
  pv: ['lsblk', 'pvs', 'lvm'],
  vg: ['lsblk', 'pvs', 'vgs', 'lvs', 'lvm'],
  lv: ['lsblk', 'pvs', 'lvs', 'lvm'],
  boot: bootQuestions,
  loader: bootQuestions,
};

/**
 * Whether one of the two captures could not see what the other saw of a component, by the gaps that only one of them
 * has: about its kind as a whole, or about a device that it stands on.
 */
function blindness(before: Layout, after: Layout): (component: Component, layout: Layout) => boolean {
  const textsOf = ({ gaps }: Layout): Set<string> => new Set(gaps.map(({ subject }) => subject));
  const subjects = [...textsOf(before).symmetricDifference(textsOf(after))];
  if (subjects.length === 0) return () => false;
  const mentions = (name: string): boolean =>
    subjects.some((subject) => subject === name || subject.endsWith(` ${name}`) || subject.startsWith(`${name} `));
  const byId = new Map(
    [before, after].map((layout) => [layout, new Map(layout.components.map((one) => [one.id, one]))]),
  );
  const places = (component: Component, layout: Layout): string[] => {
    const own = 'device' in component && component.device !== undefined ? [component.device] : [];
    const paths = component.kind === 'mount' ? [component.path] : [];
    if (component.kind === 'swap' && component.file !== undefined) paths.push(component.file);
    const under = component.on.flatMap((id) => byId.get(layout)?.get(id) ?? []);
    return [...own, ...paths, ...under.flatMap((one) => places(one, layout))];
  };
  return (component, layout) =>
    (seenBy[component.kind] ?? ['lsblk']).some(mentions) || places(component, layout).some(mentions);
}

function attributeChanges(before: Component, after: Component): Change[] {
  const handler = handlerOf(after);
  if (before.kind !== after.kind) {
    return [
      {
        subject: after.id,
        change: 'changed',
        attribute: 'kind',
        risk: handler.risk({ change: 'changed', before: after, component: after, attribute: 'kind' }),
        text: `changed: ${handler.title(after)}: was of the kind ${before.kind}`,
      },
    ];
  }
  const old = flattened(before);
  const now = flattened(after);
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return names
    .filter((name) => !isVolatile(name, after) && differs(name, old, now))
    .map((attribute) => ({
      subject: after.id,
      change: 'changed' as const,
      attribute,
      risk: handler.risk({ change: 'changed', before, component: after, attribute }),
      text: `changed: ${handler.title(after)}: ${wordsFor(attribute)} ${difference(attribute, old.get(attribute), now.get(attribute))}`,
    }));
}

/** `geometry: {inodeSize}` → `geometry.inodeSize`. A list is one value. */
function flattened(component: Component): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const visit = (value: object, prefix: string): void => {
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) visit(inner, `${prefix}${key}.`);
      else found.set(`${prefix}${key}`, inner);
    }
  };
  visit(component, '');
  return found;
}

function isVolatile(name: string, component: Component): boolean {
  if (name === 'id' || name === 'kind') return true;
  // The names of devices in a mount are those of this boot; a network mount has nothing below it but its source.
  if (component.kind === 'mount' && name === 'source') return component.on.length > 0;
  return handlerOf(component).volatile.some((one) => name === one || name.startsWith(`${one}.`));
}

function differs(name: string, old: ReadonlyMap<string, unknown>, now: ReadonlyMap<string, unknown>): boolean {
  if (comparable(name, old.get(name)) === comparable(name, now.get(name))) return false;
  // Geometry that one of the two could not see at all, for want of a tool or of root's rights, is no difference.
  const [section] = name.split('.');
  const seen = (side: ReadonlyMap<string, unknown>) => [...side.keys()].some((key) => key.startsWith(`${section}.`));
  return section === name || (seen(old) && seen(now)) || section === 'fstab';
}

function comparable(name: string, value: unknown): string | undefined {
  if (name.endsWith('options') && typeof value === 'string') return value.split(',').sort().join(',');
  return Array.isArray(value) ? JSON.stringify(value.map(canonical).sort()) : canonical(value);
}

/** JSON that does not depend on the order of keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** `geometry.inodeSize` → `inode size`. */
function wordsFor(attribute: string): string {
  return attribute
    .replace(/^geometry\./, '')
    .replaceAll('.', ' ')
    .replace(/Bytes$/, '')
    .replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function difference(attribute: string, was: unknown, is: unknown): string {
  if (!Array.isArray(was) || !Array.isArray(is)) return `was ${words(attribute, was)}, is ${words(attribute, is)}`;
  const old = new Set(was.map(itemText));
  const now = new Set(is.map(itemText));
  const gone = [...old.difference(now)].join(', ');
  const come = [...now.difference(old)].join(', ');
  return [gone === '' ? [] : [`no longer ${gone}`], come === '' ? [] : [`now ${come}`]].flat().join(', ');
}

function itemText(item: unknown): string {
  return typeof item === 'object' && item !== null
    ? Object.entries(item)
        .map(([key, value]) => `${key} ${String(value)}`)
        .join(' ')
    : String(item);
}

function words(name: string, value: unknown): string {
  if (value === undefined) return 'not there';
  if (typeof value === 'number')
    return name.endsWith('Bytes') ? `${formatBytes(value)} (${value} bytes)` : String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.map(itemText).join(', ');
  return JSON.stringify(value);
}
