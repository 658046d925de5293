/** The document `lifeboat.network-plan/1`: how a captured network comes to the cards that are there, and what of it is then another. */
import { z } from 'zod';
import { checkDocument } from '../../kernel/document.ts';
import type { Json } from '../../kernel/json.ts';
import { actionSchema } from '../../plan/action.ts';
import { asJson, digestOf } from '../../plan/digest.ts';
import { networkSchema, parseNetwork } from '../types.ts';
import { certainties } from './match.ts';

export const networkPlanFormat = 'lifeboat.network-plan/1';

const cardSchema = z.strictObject({
  /** What the card that is there is known by; it names it in commands, too. */
  id: z.string(),
  /** What it is called now. */
  now: z.string(),
  /** What it will be called. */
  name: z.string(),
  /** The card as it was captured, and what that was called. */
  from: z.string(),
  was: z.string(),
  certainty: z.enum(certainties),
  score: z.number(),
  reasons: z.array(z.string()),
});

const lineSchema = z.strictObject({ line: z.number(), was: z.string(), is: z.string() });

const fileSchema = z.strictObject({
  path: z.string(),
  /** Where it has the name of a link in its own. */
  renamedTo: z.string().exactOptional(),
  /** Digests of the content without its secrets, before and after. */
  before: z.string(),
  after: z.string(),
  /** Without their secrets. */
  lines: z.array(lineSchema),
});

const common = {
  format: z.literal(networkPlanFormat),
  cards: z.array(cardSchema),
  /** Cards and other links that are there and stay as they are, as titles. */
  untouched: z.array(z.string()),
  /** What the network is made from: the same for every plan for it. */
  of: z.string(),
  /** What will not be as it was, and what is left to do by hand, each with the reason. */
  notes: z.array(z.string()),
};

const changeSchema = z.strictObject({ link: z.string(), what: z.string() });

const liveSchema = z.strictObject({
  ...common,
  outcome: z.literal('live'),
  /** The links as they were when the plan was made: it holds only as long as they are so. */
  before: networkSchema,
  /** As it will be. */
  network: networkSchema,
  /** What is taken away that is there now. */
  loses: z.array(changeSchema),
  actions: z.array(actionSchema),
});

const writtenSchema = z.strictObject({
  ...common,
  outcome: z.literal('written'),
  /** Where the system lies whose configuration is changed. */
  root: z.string(),
  /** New values by old ones, of what cards are told apart by. */
  identities: z.strictObject({
    macs: z.record(z.string(), z.string()),
    paths: z.record(z.string(), z.string()),
    drivers: z.record(z.string(), z.array(z.string())),
    names: z.record(z.string(), z.string()),
  }),
  files: z.array(fileSchema),
});

const planSchema = z.discriminatedUnion('outcome', [liveSchema, writtenSchema]);

export type NetworkPlan = z.infer<typeof planSchema>;
export type LivePlan = z.infer<typeof liveSchema>;
export type WrittenPlan = z.infer<typeof writtenSchema>;
export type PlannedCard = z.infer<typeof cardSchema>;
export type PlannedFile = z.infer<typeof fileSchema>;

/** What is agreed to: which cards, what is lost, what is done and what comes of it. */
export function networkPlanSubject(plan: NetworkPlan): Json {
  const { untouched: _untouched, notes: _notes, ...rest } = plan;
  return asJson(rest);
}

/** By which a plan is agreed to. */
export const networkPlanDigest = (plan: NetworkPlan): string => digestOf(networkPlanSubject(plan));

/** @throws LifeboatError `newer-format`, `record-damaged` with the places */
export function parseNetworkPlan(value: unknown): NetworkPlan {
  const plan = checkDocument(value, planSchema, networkPlanFormat, 'the plan');
  if (plan.outcome === 'live') for (const network of [plan.before, plan.network]) parseNetwork(network);
  return plan;
}
