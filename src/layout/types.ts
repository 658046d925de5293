/** The document `lifeboat.layout/1`: how the storage of a host is built, as a graph of typed components. */
import { z } from 'zod';
import { type Gap, gapSchema } from '../host/gap.ts';
import { checkDocument } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { printable } from '../kernel/text.ts';
import type { LayoutHandler } from './handler.ts';
import { handlers } from './handlers.ts';

export const layoutFormat = 'lifeboat.layout/1';

type Handler = (typeof handlers)[number];
type ComponentOfHandler<H> = H extends LayoutHandler<infer C> ? C : never;

export type Component = ComponentOfHandler<Handler>;
export type Kind = Component['kind'];
export type ComponentOf<K extends Kind> = Extract<Component, { kind: K }>;

const byKind: ReadonlyMap<string, LayoutHandler<Component>> = new Map(handlers.map((one) => [one.kind, one]));

/** The handler of a component. */
export function handlerOf({ kind }: Component): LayoutHandler<Component> {
  const handler = byKind.get(kind);
  if (handler === undefined) throw new LifeboatError('failed', `no handler for the kind ${kind}`);
  return handler;
}

/** Names a kind of component. */
export const kindSchema = z.enum(handlers.map(({ kind }) => kind));

const componentSchema = z.looseObject({ kind: z.string() }).transform((value, context): Component => {
  const handler = byKind.get(value.kind);
  if (handler === undefined) {
    const meant = nearest(value.kind, [...byKind.keys()]);
    const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
    context.issues.push({
      code: 'custom',
      path: ['kind'],
      input: value,
      message: `no kind ${JSON.stringify(value.kind)}${hint}`,
    });
    return z.NEVER;
  }
  const result = handler.schema.safeParse(value);
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    context.issues.push({ code: 'custom', path: [...issue.path], input: value, message: issue.message });
  }
  return z.NEVER;
});

export const layoutSchema = z.object({
  format: z.literal(layoutFormat),
  capturedAt: z.iso.datetime(),
  components: z.array(componentSchema),
  gaps: z.array(gapSchema),
});

export type Layout = z.infer<typeof layoutSchema>;
export type { Gap };

/**
 * A layout out of parsed JSON, its graph checked: ids are unique, what something stands on is there, and nothing stands
 * on itself.
 *
 * @throws LifeboatError `newer-format`, `record-damaged` with the places
 */
export function parseLayout(value: unknown): Layout {
  const layout = checkDocument(value, layoutSchema, layoutFormat, 'the layout');
  const places = new Map<string, number>();
  layout.components.forEach(({ id }, index) => {
    const other = places.get(id);
    if (other !== undefined) throw damaged(index, `has the id ${JSON.stringify(id)}, as components[${other}] has`);
    places.set(id, index);
  });
  layout.components.forEach(({ on }, index) => {
    const missing = on.findIndex((id) => !places.has(id));
    if (missing === -1) return;
    const id = on[missing] ?? '';
    const meant = nearest(id, [...places.keys()]);
    const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
    throw damaged(index, `stands on ${JSON.stringify(id)} (on[${missing}]), which is not there${hint}`);
  });
  refuseCircles(layout, places);
  layout.components.forEach((component, index) => {
    const allowed = handlerOf(component).under;
    const wrong = component.on.findIndex((id) => {
      const kind = layout.components[places.get(id) ?? -1]?.kind ?? 'unknown';
      return allowed !== undefined && kind !== 'unknown' && !allowed.includes(kind);
    });
    if (wrong === -1) return;
    const kind = layout.components[places.get(component.on[wrong] ?? '') ?? -1]?.kind;
    throw damaged(index, `is a ${component.kind} and stands on a ${kind} (on[${wrong}]), which none does`);
  });
  return layout;
}

/** Follows the edges from each component, without recursion: a stack may be deep. */
function refuseCircles({ components }: Layout, places: ReadonlyMap<string, number>): void {
  const waiting = components.map(({ on }) => new Set(on).size);
  const above = new Map<string, number[]>();
  components.forEach(({ on }, index) => {
    for (const id of new Set(on)) above.set(id, [...(above.get(id) ?? []), index]);
  });
  const ready = [...waiting.keys()].filter((index) => waiting[index] === 0);
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    for (const next of above.get(components[index]?.id ?? '') ?? []) {
      const left = (waiting[next] ?? 0) - 1;
      waiting[next] = left;
      if (left === 0) ready.push(next);
    }
  }
  const circle = waiting.findIndex((left) => left > 0);
  const component = components[circle];
  if (component === undefined) return;
  const through = component.on.find((id) => (waiting[places.get(id) ?? -1] ?? 0) > 0);
  throw damaged(circle, `stands, by way of ${JSON.stringify(through)}, on itself`);
}

function damaged(index: number, problem: string): LifeboatError {
  return new LifeboatError(
    'record-damaged',
    printable(`the layout does not fit together: components[${index}] ${problem}`),
    {
      hint: 'If it was edited by hand, correct the place that is named.',
    },
  );
}
