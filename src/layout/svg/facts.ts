/** What a picture says of a component, whatever kind it is: nothing here has to be extended for a new kind. */
import { formatBytes } from '../../kernel/units.ts';
import { type Component, handlerOf } from '../types.ts';

/** Of whatever kind; what `filesystemKind` makes. */
type Filesystem = Component & { readonly type: string; readonly sizeBytes: number; readonly usedBytes?: number };

export function isFilesystem(component: Component): component is Filesystem {
  // Other kinds may have a type and a size, too; but only filesystems are called so.
  return component.id.startsWith('filesystem:') && 'type' in component && 'sizeBytes' in component;
}

export function sizeOf(component: Component): number | undefined {
  return 'sizeBytes' in component && component.kind !== 'mount' ? component.sizeBytes : undefined;
}

export function deviceOf(component: Component): string | undefined {
  return 'device' in component ? component.device : undefined;
}

/** What fills the device that it lies on, and is told in one line with it. */
export function isContent(component: Component): boolean {
  if (isFilesystem(component) || component.kind === 'table') return true;
  if (component.kind === 'swap') return component.file === undefined;
  return component.kind === 'unknown' && component.device === undefined;
}

/** What a content is called: `ext4`, `swap`, `LVM2_member`, … */
export function contentType(component: Component): string {
  if (isFilesystem(component)) return component.type;
  if (component.kind === 'unknown') return component.rawType;
  return component.kind === 'swap' ? 'swap' : titleParts(component)[0];
}

export function labelOf(component: Component): string | undefined {
  return 'label' in component ? component.label : undefined;
}

/** Device names without the folder that they share. */
export function shortDevice(device: string): string {
  return device.replace(/^\/dev\/(mapper\/)?/, '');
}

/** The title, in the parts of which handlers make it. */
export function titleParts(component: Component): [string, ...string[]] {
  const [first = '', ...rest] = handlerOf(component).title(component).split(/ {2,}/);
  return [first, ...rest];
}

/** Which part of it is used, from 0 to 1. */
export function usedShare(component: Component): number | undefined {
  if (!isFilesystem(component) || component.usedBytes === undefined || component.sizeBytes === 0) return undefined;
  return Math.min(1, component.usedBytes / component.sizeBytes);
}

/** Everything about a component that has one value: its title, then its attributes. */
export function details(component: Component): string[] {
  return [handlerOf(component).title(component), ...scalars(component, '  ')];
}

function scalars(value: object, prefix: string): string[] {
  return Object.entries(value).flatMap(([key, one]: [string, unknown]): string[] => {
    // The title says in words what matters of a geometry.
    if (key === 'kind' || key === 'on' || key === 'geometry' || Array.isArray(one)) return [];
    if (typeof one === 'number' && key.endsWith('Bytes')) return [`${prefix}${key}: ${one} (${formatBytes(one)})`];
    if (typeof one === 'object' && one !== null) return scalars(one, `${prefix}${key}.`);
    return [`${prefix}${key}: ${String(one)}`];
  });
}
