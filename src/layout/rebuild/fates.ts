/** What becomes of each thing: of what is on the disks now, and of what will be on them. */
import { z } from 'zod';
import { present } from '../../kernel/present.ts';
import { type Component, handlerOf, type Layout } from '../types.ts';
import { notMade, type OrderedSite } from './site.ts';

/** Of what is on the disks now. */
const oldFateSchema = z.strictObject({
  /** Of `before`. */
  id: z.string(),
  title: z.string(),
  /**
   * - `keep`: not a byte of it is written to;
   * - `reuse`: it stays as it is, and what it holds is made anew;
   * - `destroy`: it is gone afterwards; something of the same id may be made in its place.
   */
  fate: z.enum(['keep', 'reuse', 'destroy']),
  /** Of data that are lost with it, where somebody could see how full it is. */
  bytes: z.number().exactOptional(),
});

/** Of what will be on the disks. */
const newFateSchema = z.strictObject({
  /** Of `layout`. */
  id: z.string(),
  title: z.string(),
  /** `keep` and `reuse` as above; `resize`: made anew in another size than it was captured with; `create`: made as it was. */
  fate: z.enum(['keep', 'reuse', 'resize', 'create']),
  /** Bytes that it was captured with, and that it will have: of `resize`. */
  from: z.number().exactOptional(),
  to: z.number().exactOptional(),
});

export const fatesSchema = z.strictObject({ old: z.array(oldFateSchema), new: z.array(newFateSchema) });

export type Fates = z.infer<typeof fatesSchema>;

/** What stays, by id: with what it holds, or without. */
export type Stays = ReadonlyMap<string, 'keep' | 'reuse'>;

/**
 * @param now of the disks that the plan is about
 * @param captured what the machine was, with what somebody wanted otherwise; by id it is known what has another size
 */
export function fatesOf(now: OrderedSite, site: OrderedSite, captured: Layout, stays: Stays): Fates {
  const sizes = new Map(captured.components.map((one) => [one.id, sizeOf(one)]));
  const lasting = ({ kind }: Component): boolean => !notMade.has(kind);
  return {
    old: now.order.filter(lasting).map((component) => {
      // A disk itself is there afterwards, whatever was on it.
      const fate = stays.get(component.id) ?? (component.kind === 'disk' ? 'reuse' : 'destroy');
      const bytes = fate === 'destroy' && 'usedBytes' in component ? component.usedBytes : undefined;
      return { id: component.id, title: handlerOf(component).title(component), fate, ...present({ bytes }) };
    }),
    new: site.order.filter(lasting).map((component) => {
      const { id } = component;
      const title = handlerOf(component).title(component);
      const fate = stays.get(id) ?? (component.kind === 'disk' ? 'reuse' : undefined);
      if (fate !== undefined) return { id, title, fate };
      const [from, to] = [sizes.get(id), sizeOf(component)];
      if (from === undefined || to === undefined || from === to) return { id, title, fate: 'create' };
      return { id, title, fate: 'resize', from, to };
    }),
  };
}

const sizeOf = (component: Component): number | undefined =>
  'sizeBytes' in component ? component.sizeBytes : undefined;
