/** What has changed between two captures, by identity and in words. */
import { formatBytes } from '../kernel/units.ts';
import { titleOf } from './handlers.ts';
import type { Component, Layout } from './types.ts';

export interface Change {
  readonly id: string;
  readonly kind: Component['kind'];
  readonly change: 'added' | 'removed' | 'changed';
  /** Of `changed`: which attribute. */
  readonly attribute?: string;
  /** For a person; may hold raw names, so print it through `printable`. */
  readonly text: string;
}

/** What differs from day to day on the same machine. The size of what is mounted is that of its filesystem. */
const volatile: Readonly<Partial<Record<Component['kind'], readonly string[]>>> = {
  disk: ['device'],
  partition: ['device'],
  filesystem: ['usedBytes'],
  mount: ['usedBytes', 'sizeBytes', 'source'],
  unknown: ['device'],
};

/** Empty when the two describe the same storage. The kernel's own mounts are not compared. */
export function layoutChanges(before: Layout, after: Layout): Change[] {
  const old = byId(before);
  const now = byId(after);
  const changes: Change[] = [];
  for (const [id, component] of old) {
    if (now.has(id)) continue;
    changes.push({ id, kind: component.kind, change: 'removed', text: `removed: ${titleOf(component)}` });
  }
  for (const [id, component] of now) {
    const was = old.get(id);
    if (was === undefined) {
      changes.push({ id, kind: component.kind, change: 'added', text: `added: ${titleOf(component)}` });
    } else {
      changes.push(...attributeChanges(was, component));
    }
  }
  return changes;
}

function byId(layout: Layout): Map<string, Component> {
  const compared = layout.components.filter(({ kind, ...rest }) => {
    return !(kind === 'mount' && 'category' in rest && rest.category === 'pseudo');
  });
  return new Map(compared.map((component) => [component.id, component]));
}

function attributeChanges(before: Component, after: Component): Change[] {
  const old = new Map<string, unknown>(Object.entries(before));
  const now = new Map<string, unknown>(Object.entries(after));
  const ignored = new Set(['id', ...(volatile[after.kind] ?? [])]);
  // A network mount has no component below it: its source is what it is.
  if (after.kind === 'mount' && after.on.length === 0) ignored.delete('source');
  const names = [...new Set([...old.keys(), ...now.keys()])].filter((name) => !ignored.has(name)).sort();
  return names
    .filter((name) => comparable(name, old.get(name)) !== comparable(name, now.get(name)))
    .map((attribute) => ({
      id: after.id,
      kind: after.kind,
      change: 'changed' as const,
      attribute,
      text: `changed: ${titleOf(after)}: ${attribute} was ${words(attribute, old.get(attribute))}, is ${words(attribute, now.get(attribute))}`,
    }));
}

function comparable(name: string, value: unknown): string | undefined {
  if (name === 'options' && typeof value === 'string') return value.split(',').sort().join(',');
  return JSON.stringify(Array.isArray(value) ? value.map(String).sort() : value);
}

function words(name: string, value: unknown): string {
  if (value === undefined) return 'not there';
  if (typeof value === 'number')
    return name.endsWith('Bytes') ? `${formatBytes(value)} (${value} bytes)` : String(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.map(String).join(', ');
  return JSON.stringify(value);
}
