/** What has changed between two captures of the storage, by identity and in words. */
import type { Change } from '../kernel/change.ts';
import { formatBytes } from '../kernel/units.ts';
import { type Difference, kindSubject } from './handler.ts';
import { type Component, handlerOf, type Layout } from './types.ts';

/** Empty when the two describe the same storage. What could not be seen in one of them is no change. */
export function layoutChanges(before: Layout, after: Layout): Change[] {
  const blind = blindness(before, after);
  // What only one of the two knows to belong to the host, as the other could not read fstab, does so in both.
  const unclear = [before, after].flatMap((layout) => [...lastingIn(layout, blind)]);
  const [old, now] = [compared(before, unclear), compared(after, unclear)];
  const changes: Change[] = [];
  for (const [id, component] of old) {
    if (!now.has(id) && !blind(component)) changes.push(wholeChange({ change: 'removed', component }));
  }
  for (const [id, component] of now) {
    const was = old.get(id);
    if (was === undefined) {
      if (!blind(component)) changes.push(wholeChange({ change: 'added', component }));
      continue;
    }
    const found = attributeChanges(was, component);
    if (found.length > 0 && !blind(component)) changes.push(...found);
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

/** Ids of what belongs to the host whatever it lies on, as it is in fstab or is the root; and of all below it. */
function lastingIn({ components }: Layout, isMeant: Seen): Set<string> {
  const lasting = new Set<string>();
  const byId = new Map(components.map((component) => [component.id, component]));
  const keep = (component: Component): void => {
    if (lasting.has(component.id)) return;
    lasting.add(component.id);
    for (const id of component.on) {
      const under = byId.get(id);
      if (under !== undefined) keep(under);
    }
  };
  for (const component of components) {
    const isOfHost = component.kind === 'mount' && (component.fstab !== undefined || component.path === '/');
    if (isOfHost && isMeant(component)) keep(component);
  }
  return lasting;
}

/** Components by id, without those that come and go by themselves and what stands only on them. */
function compared(layout: Layout, unclear: readonly string[]): Map<string, Component> {
  const lasting = lastingIn(layout, () => true).union(new Set(unclear));
  const byId = new Map(layout.components.map((component) => [component.id, component]));
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

/** What all that is known of a device begins with. */
const deviceQuestions = ['lsblk', 'blkid'];

type Seen = (component: Component) => boolean;

/**
 * Whether one of the two captures could not see what the other saw of a component, by the gaps that only one of them has: about its kind as
 * a whole, about it, or about something that it stands on.
 */
function blindness(before: Layout, after: Layout): Seen {
  const keysOf = ({ gaps }: Layout) => new Map(gaps.map((gap) => [JSON.stringify(gap), gap.subject]));
  const [old, now] = [keysOf(before), keysOf(after)];
  const subjects = [...old, ...now].filter(([key]) => !(old.has(key) && now.has(key))).map(([, subject]) => subject);
  if (subjects.length === 0) return () => false;
  const mentions = (name: string): boolean =>
    subjects.some(
      (subject) =>
        subject === name || subject.endsWith(` ${name}`) || subject.startsWith(name.endsWith('/') ? name : `${name} `),
    );
  const isBlindKind = remembered(
    ({ kind }: Component) => kind,
    (component) => {
      const { kind, askedBy = [] } = handlerOf(component);
      return [kindSubject(kind), ...deviceQuestions, ...askedBy].some(mentions);
    },
  );
  const sides = [before, after].map(({ components }) => new Map(components.map((one) => [one.id, one])));
  const isMistaken = mistaken(before, after, isBlindKind);
  const shown = shownBy([before, after], (component) => mentions(pathOf(component) ?? ''));
  const isBlindPlace: Seen = remembered(
    (component: Component) => component,
    (component) =>
      namesOf(component).some(mentions) ||
      isMistaken(component) ||
      shown.has(component.id) ||
      sides.some((side) => component.on.flatMap((id) => side.get(id) ?? []).some((under) => isBlindPlace(under))),
  );
  return ({ id }) => sides.flatMap((side) => side.get(id) ?? []).some((one) => isBlindKind(one) || isBlindPlace(one));
}

/** By what a gap may name it. */
function namesOf(component: Component): string[] {
  const values = [component.id, deviceOf(component), pathOf(component), 'file' in component && component.file];
  return values.filter((value) => typeof value === 'string');
}

/**
 * What only one of the two saw, of a kind about which the other could not ask; and a device of such a kind that the other took for something
 * else, with what it took it for.
 */
function mistaken(before: Layout, after: Layout, isBlindKind: Seen): Seen {
  const sides = [before, after].map(({ components }) => ({
    ids: new Set(components.map(({ id }) => id)),
    devices: Map.groupBy(
      components.filter((one) => deviceOf(one) !== undefined),
      deviceOf,
    ),
  }));
  const holders = (device: string | undefined) =>
    sides.map(({ devices }) => JSON.stringify((devices.get(device) ?? []).map(({ id }) => id).sort()));
  const unclear = new Set(
    sides
      .flatMap(({ devices }) => [...devices])
      .filter(([device, found]) => found.some(isBlindKind) && new Set(holders(device)).size > 1)
      .map(([device]) => device),
  );
  return (component) =>
    unclear.has(deviceOf(component)) || (isBlindKind(component) && !sides.every(({ ids }) => ids.has(component.id)));
}

function deviceOf(component: Component): string | undefined {
  return 'device' in component && typeof component.device === 'string' ? component.device : undefined;
}

function pathOf(component: Component): string | undefined {
  return 'path' in component && typeof component.path === 'string' ? component.path : undefined;
}

/** Ids of what is seen at the paths of some mounts: all that is below them, down to a device. */
function shownBy(layouts: readonly Layout[], isMeant: Seen): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { components } of layouts) {
    const byId = new Map(components.map((one) => [one.id, one]));
    const below = (component: Component): void => {
      for (const id of component.on) {
        const under = byId.get(id);
        if (under === undefined || deviceOf(under) !== undefined || found.has(id)) continue;
        found.add(id);
        below(under);
      }
    };
    for (const component of components) if (isMeant(component)) below(component);
  }
  return found;
}

/** Asked once for each. */
function remembered(keyOf: (component: Component) => unknown, answer: Seen): Seen {
  const known = new Map<unknown, boolean>();
  return (component) => {
    const key = keyOf(component);
    const found = known.get(key) ?? answer(component);
    known.set(key, found);
    return found;
  };
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
  if (Array.isArray(item)) return `(${item.map(itemText).join(', ')})`;
  if (typeof item !== 'object' || item === null) return String(item);
  return Object.entries(item)
    .map(([key, value]) => `${key} ${itemText(value)}`)
    .join(' ');
}

function words(name: string, value: unknown): string {
  if (value === undefined) return 'not there';
  if (typeof value === 'number')
    return name.endsWith('Bytes') ? `${formatBytes(value)} (${value} bytes)` : String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.map(itemText).join(', ');
  return JSON.stringify(value);
}
