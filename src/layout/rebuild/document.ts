/** The document `lifeboat.plan/1`: how a captured machine is built anew on the disks that are there, and what that destroys. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { LifeboatError } from '../../kernel/errors.ts';
import { canonicalJson, jsonCopy } from '../../kernel/json.ts';
import { actionSchema } from '../../plan/action.ts';
import { type Layout, layoutSchema } from '../types.ts';

export const planFormat = 'lifeboat.plan/1';

const lossSchema = z.strictObject({ id: z.string(), title: z.string(), bytes: z.number().exactOptional() });

const planDiskSchema = z.strictObject({
  /** The disk that is there. */
  id: z.string(),
  /** As last seen: to tell a person which it is. */
  device: z.string(),
  sizeBytes: z.number(),
  /** Id of the disk as it was captured. */
  from: z.string(),
  certainty: z.enum(['same', 'named', 'equivalent', 'likely']),
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
  /** What has another size than when it was captured. */
  resized: z.array(z.strictObject({ id: z.string(), title: z.string(), from: z.number(), to: z.number() })),
  actions: z.array(actionSchema),
  /** What will not be as it was, each with the reason. */
  notes: z.array(z.string()),
});

export type Plan = z.infer<typeof planSchema>;

/** By which a plan is agreed to: which disks, what is lost, what is done and what comes of it. Names of devices do not count. */
export function planDigest({ format, of, disks, before, layout, actions }: Plan): string {
  const subject = {
    format,
    disks: disks.map(({ id, from, sizeBytes, destroys }) => ({
      id,
      from,
      sizeBytes,
      destroys: destroys.map((loss) => ({ ...loss, title: null })),
    })),
    of,
    before: withoutNames(before),
    components: withoutNames(layout),
    actions,
  };
  return digestOf(subject);
}

/** Names of devices are others after the next start. */
export const withoutNames = ({ components }: Layout) => components.map((component) => ({ ...component, device: null }));

/** SHA-256 of canonical JSON, 64 bits of it: a person can compare them. */
export function digestOf(value: unknown): string {
  const json = jsonCopy(value, (place, what) => new LifeboatError('bug', `a plan holds ${what}${place}`));
  return createHash('sha256').update(canonicalJson(json)).digest('hex').slice(0, 16);
}
