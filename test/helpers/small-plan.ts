/** Plans of which only the disks and what is made of them is looked at. */
import { planFormat, type Plan } from '../../src/layout/rebuild/document.ts';
import type { ComponentOf, Layout } from '../../src/layout/types.ts';
import { layoutOf } from './small-layout.ts';

export const smallDisk = (id: string, device = ''): ComponentOf<'disk'> => ({
  kind: 'disk',
  id,
  on: [],
  device,
  sizeBytes: 4 << 20,
  rotational: false,
  removable: false,
  readOnly: false,
});

/** @param disks ids of those that are built anew, blank before */
export function smallPlan(disks: readonly string[], layout: Layout, more: Partial<Plan> = {}): Plan {
  const about = { device: '', sizeBytes: 4 << 20, blank: true, certainty: 'same' as const, score: 0 };
  return {
    format: planFormat,
    of: 'machine',
    disks: disks.map((id) => ({ id, from: id, ...about, reasons: [], destroys: [] })),
    untouched: [],
    before: layoutOf(),
    layout,
    fates: { old: [], new: [] },
    actions: [],
    notes: [],
    ...more,
  };
}
