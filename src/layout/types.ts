/** The document `lifeboat.layout/1`: how the storage of a host is built, as a graph of typed components. */
import { z } from 'zod';
import { type Gap, gapSchema } from '../host/gap.ts';
import { checkDocument } from '../kernel/document.ts';
import { LifeboatError } from '../kernel/errors.ts';
import { nearest } from '../kernel/nearest.ts';
import { printable } from '../kernel/text.ts';
import { flawsOf } from './flaws.ts';
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

/** The kinds that components of a kind may stand on, besides `unknown`; `undefined` for any. */
export function underOf(kind: string): readonly string[] | undefined {
  return byKind.get(kind)?.under;
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
  const [flaw] = flawsOf(layout.components, underOf);
  if (flaw === undefined) return layout;
  const ids = layout.components.map(({ id }) => id);
  const meant = flaw.edge === undefined || ids.includes(flaw.edge) ? undefined : nearest(flaw.edge, ids);
  const hint = meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  throw damaged(flaw.index, `${flaw.problem}${hint}`);
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
