/** The document `lifeboat.plan/1`: how a captured machine is built anew on the disks that are there, and what that destroys. */
import { z } from 'zod';
import { checkDocument } from '../../kernel/document.ts';
import type { Json } from '../../kernel/json.ts';
import { actionSchema } from '../../plan/action.ts';
import { asJson, digestOf } from '../../plan/digest.ts';
import { type Layout, layoutSchema, parseLayout } from '../types.ts';
import { fatesSchema } from './fates.ts';

export const planFormat = 'lifeboat.plan/1';

const lossSchema = z.strictObject({ id: z.string(), title: z.string(), bytes: z.number().exactOptional() });

const planDiskSchema = z.strictObject({
  /** The disk that is there. */
  id: z.string(),
  /** As last seen: to tell a person which it is. */
  device: z.string(),
  sizeBytes: z.number(),
  /** Nothing at all was on it, or only what an earlier attempt at the same left. */
  blank: z.boolean(),
  /** Id of the disk as it was captured. */
  from: z.string(),
  certainty: z.enum(['same', 'named', 'equivalent', 'only', 'likely']),
  score: z.number(),
  reasons: z.array(z.string()),
  /** What is on it now, and would be lost. */
  destroys: z.array(lossSchema),
});

export const planSchema = z.strictObject({
  format: z.literal(planFormat),
  disks: z.array(planDiskSchema),
  /** Disks that are there and that no byte is written to, as titles. */
  untouched: z.array(z.string()),
  /** What the machine is built from: the same for every plan for it. */
  of: z.string(),
  /** The disks, with what is on them, as they were when the plan was made: it holds only as long as they are so. */
  before: layoutSchema,
  /** As it will be. */
  layout: layoutSchema,
  /** What becomes of each thing that is on these disks, and of each that will be. */
  fates: fatesSchema,
  actions: z.array(actionSchema),
  /** What will not be as it was, each with the reason. */
  notes: z.array(z.string()),
});

export type Plan = z.infer<typeof planSchema>;

/** What is agreed to: which disks, what is lost, what is done and what comes of it. Names of devices do not count. */
export function planSubject({ format, of, disks, before, layout, fates, actions }: Plan): Json {
  return asJson({
    format,
    of,
    disks: disks.map(({ id, from, sizeBytes, blank, destroys }) => ({
      id,
      blank,
      from,
      sizeBytes,
      destroys: destroys.map((loss) => ({ ...loss, title: null })),
    })),
    before: withoutNames(before),
    components: withoutNames(layout),
    fates: [fates.old, fates.new].map((list) => list.map((fate) => ({ ...fate, title: null }))),
    actions,
  });
}

/** By which a plan is agreed to. */
export const planDigest = (plan: Plan): string => digestOf(planSubject(plan));

/** Names of devices are others after the next start. */
const withoutNames = ({ components }: Layout) => components.map((component) => ({ ...component, device: null }));

/** What a machine is built from, as marks on disks name it: the same by whichever key its volumes are opened. */
export const sourceDigest = (wanted: Layout): string =>
  digestOf(
    asJson(withoutNames(wanted).map((component) => ('opener' in component ? withoutOpener(component) : component))),
  );

function withoutOpener<C extends { opener?: unknown }>({ opener: _opener, ...rest }: C): Omit<C, 'opener'> {
  return rest;
}

/** @throws LifeboatError `newer-format`, `record-damaged` with the places */
export function parsePlan(value: unknown): Plan {
  const plan = checkDocument(value, planSchema, planFormat, 'the plan');
  return { ...plan, before: parseLayout(plan.before), layout: parseLayout(plan.layout) };
}
