/** Plans of recorded machines that are changed by rule, for blank disks. */
import type { RewriteRequest } from '../../src/layout/rebuild/rewrites/rewrites.ts';
import { ofKind } from '../../src/layout/rebuild/rewrites/edit.ts';
import { planLayout } from '../../src/layout/rebuild/plan.ts';
import { siteOf } from '../../src/layout/rebuild/site.ts';
import type { Layout } from '../../src/layout/types.ts';

export const only = <T>(list: readonly T[]): T => {
  const [one] = list;
  if (one === undefined || list.length !== 1) throw new Error(`${list.length} things, and not one`);
  return one;
};

/** A plan for blank disks of these sizes. */
export function planned(
  wanted: Layout,
  rewrites: readonly RewriteRequest[],
  sizes: readonly number[],
  exclude: readonly string[] = [],
) {
  const [like] = ofKind(wanted, 'disk');
  if (like === undefined) throw new Error('a machine without disks');
  const components = sizes.map((sizeBytes, index) => ({
    ...like,
    id: `disk:NEW${index}`,
    serial: `NEW${index}`,
    device: `/dev/sd${'abcd'[index]}`,
    sizeBytes,
  }));
  const found: Layout = { ...wanted, components, gaps: [] };
  return planLayout({
    wanted,
    found,
    blank: new Set(components.map(({ id }) => id)),
    rewrites,
    exclude: new Set(exclude),
  });
}

export const under = (layout: Layout, id: string): readonly string[] => siteOf(layout.components).disksUnder(id);
export const gibibyte = 2 ** 30;
export const mebibyte = 2 ** 20;
