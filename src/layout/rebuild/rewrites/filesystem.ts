/** Another filesystem in place of one. */
import type { Component, ComponentOf, Layout } from '../../types.ts';
import { derivedUuid, edited, nameOf, ofKind, standingOn } from './edit.ts';
import type { Rewrite } from './rewrite.ts';

type Old = ComponentOf<'ext' | 'xfs' | 'btrfs' | 'f2fs' | 'jfs'>;

interface New {
  readonly kind: 'ext' | 'xfs' | 'btrfs';
  readonly type: 'ext4' | 'xfs' | 'btrfs';
  /** Longest label, in bytes. */
  readonly label: number;
  readonly leastBytes: number;
}

const mebibyte = 1 << 20;

export const ext4 = becomes({ kind: 'ext', type: 'ext4', label: 16, leastBytes: 0 });
export const xfs = becomes({ kind: 'xfs', type: 'xfs', label: 12, leastBytes: 300 * mebibyte });
export const btrfs = becomes({ kind: 'btrfs', type: 'btrfs', label: 255, leastBytes: 109 * mebibyte });

function becomes({ kind, type, label: longest, leastBytes }: New): Rewrite<Old> {
  return {
    rule: type,
    kinds: ['ext', 'xfs', 'btrfs', 'f2fs', 'jfs'],
    problem(old, layout) {
      if (old.type === type) return `it is ${type} already`;
      if (old.on.length !== 1) return 'it lies on several devices';
      if (old.sizeBytes < leastBytes) return `it is too small for ${type}`;
      if (Buffer.byteLength(old.label ?? '') > longest) return `its label is too long for ${type}`;
      return mountsOf(old, layout).length > 1 ? 'several parts of it are mounted, which would be one' : undefined;
    },
    rewrite(old, layout) {
      const { id, on, sizeBytes, usedBytes, label } = old;
      const uuid = old.uuid?.length === 36 ? old.uuid : derivedUuid(type, id);
      const made: Component = {
        kind,
        id: `filesystem:${uuid}`,
        on,
        renewed: true,
        type,
        uuid,
        sizeBytes,
        ...(label === undefined ? {} : { label }),
        ...(usedBytes === undefined ? {} : { usedBytes }),
      };
      const mounts = new Set(mountsOf(old, layout).map((one) => one.id));
      const gone = partsOf(old, layout);
      return {
        layout: edited(layout, (component) => {
          if (component.id === id) return [made];
          if (gone.has(component.id)) return [];
          if (component.kind === 'mount' && mounts.has(component.id))
            return [remounted(component, made.id, type, uuid)];
          // What shows it at another place does so still.
          const on = component.on.map((one) => (one === id || gone.has(one) ? made.id : one));
          return [{ ...component, on: [...new Set(on)] }];
        }),
        notes: [`${nameOf(old)} is ${type} instead of ${old.type}; what it was mounted with is left away`],
      };
    },
  };
}

/** Its subvolumes. */
const partsOf = (old: Old, layout: Layout): ReadonlySet<string> =>
  new Set(standingOn(layout, old.id).flatMap(({ id, kind }) => (kind === 'subvolume' ? [id] : [])));

/** Also of its subvolumes. */
function mountsOf(old: Old, layout: Layout): ComponentOf<'mount'>[] {
  const shown = new Set([old.id, ...partsOf(old, layout)]);
  return ofKind(layout, 'mount').filter(({ on, category }) => category === 'local' && on.some((id) => shown.has(id)));
}

/** Options of one kind of filesystem are errors of another. */
function remounted(mount: ComponentOf<'mount'>, id: string, type: string, uuid: string): ComponentOf<'mount'> {
  const options = 'defaults';
  const line = mount.fstab && { ...mount.fstab, type, options };
  return {
    ...mount,
    on: [id],
    root: '/',
    fstype: type,
    options,
    ...(line === undefined ? {} : { fstab: line.spec.startsWith('UUID=') ? { ...line, spec: `UUID=${uuid}` } : line }),
  };
}
