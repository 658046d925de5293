import { present } from '../../kernel/present.ts';
import { redactText } from '../../kernel/secret.ts';
import { formatBytes } from '../../kernel/units.ts';
import type { LayoutHandler } from '../handler.ts';
import { contentKind } from '../identity.ts';
import { mountCategories } from '../mount-category.ts';
import type { MountEntry } from '../tools/findmnt.ts';

export const mount: LayoutHandler<'mount'> = {
  kind: 'mount',
  capture(probes) {
    const categories = mountCategories(probes.mounts);
    const ids = mountIds(probes.mounts);
    return {
      gaps: [],
      components: probes.mounts.map((entry, index) => {
        const id = ids[index] ?? entry.target;
        const device = probes.deviceOfMount(entry);
        const holds = device !== undefined && contentKind(device.fstype) === 'filesystem';
        const filesystem = holds ? probes.contentIds.get(device.number) : undefined;
        const category = categories[index] ?? 'local';
        // What lies below another mount cannot be asked: the path leads to the upper one.
        const hidden = id !== mountId(entry.target);
        const space = hidden || category === 'pseudo' ? undefined : probes.space.get(entry.target);
        return {
          kind: 'mount',
          id,
          on: filesystem === undefined ? [] : [filesystem],
          path: entry.target,
          source: redactText(entry.source),
          fstype: entry.fstype,
          options: redactText(entry.options),
          root: entry.root,
          category,
          ...(hidden ? { hidden } : {}),
          ...present({ sizeBytes: space?.sizeBytes, usedBytes: space?.usedBytes }),
        };
      }),
    };
  },
  title({ path, category, source, fstype, root, on, sizeBytes, usedBytes, hidden }) {
    const view = category === 'bind' && root !== '/' ? ` (its ${root})` : '';
    const from = on.length > 0 ? undefined : `${fstype} from ${source}`;
    const size =
      on.length > 0 || sizeBytes === undefined || usedBytes === undefined
        ? undefined
        : `${formatBytes(usedBytes)} of ${formatBytes(sizeBytes)} used`;
    return [
      `mounted at ${path}${view}`,
      category === 'local' ? undefined : category,
      from,
      size,
      hidden === true ? 'hidden by another mount' : undefined,
    ]
      .filter((part) => part !== undefined)
      .join('  ');
  },
};

const mountId = (path: string): string => `mount:${path}`;

/** Ids in the order of the entries: of several mounts at one path the last lies on top and has the plain name. */
export function mountIds(mounts: readonly MountEntry[]): string[] {
  const left = new Map<string, number>();
  for (const { target } of mounts) left.set(target, (left.get(target) ?? 0) + 1);
  return mounts.map(({ target }) => {
    const above = (left.get(target) ?? 1) - 1;
    left.set(target, above);
    // A path begins with "/", so no path can look like this suffix of another's id.
    return above === 0 ? mountId(target) : `mount:${above} below ${target}`;
  });
}

/** Index of the mount that holds `path`: the longest, and of those at one place the last. */
export function holderOf(path: string, mounts: readonly { readonly target: string }[]): number | undefined {
  let best: number | undefined;
  let length = -1;
  mounts.forEach(({ target }, index) => {
    if (target.length >= length && isWithin(path, target)) {
      best = index;
      length = target.length;
    }
  });
  return best;
}

/** Whether `path` is `directory` or lies below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}
