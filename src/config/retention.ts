/** The parts of the configuration about what becomes of points: which are kept, and what of them is read back when. */
import { z } from 'zod';

const count = z.int('is not a whole number').min(1, 'is below 1: leave the rule out');

export const retentionSchema = z
  .strictObject({
    last: count.exactOptional(),
    hourly: count.exactOptional(),
    daily: count.exactOptional(),
    weekly: count.exactOptional(),
    monthly: count.exactOptional(),
    yearly: count.exactOptional(),
    minimum: z.int('is not a whole number').min(1, 'is below 1, no verified point at all').default(3),
  })
  .refine(
    ({ minimum: _minimum, ...rules }) => Object.keys(rules).length > 0,
    'names no rule, so that all but the minimum would be forgotten: write last, hourly, daily, weekly, monthly or yearly',
  );

/** Of containers: so many of the last of each are kept. What they hold is memory, with the secrets in it. */
export const checkpointsSchema = z.strictObject({
  keep: z.int('is not a whole number').min(1, 'is below 1, none at all').default(3),
});

export const verifySchema = z.strictObject({
  after: z.enum(['full', 'none'], 'is neither full nor none').default('full'),
  oldest: z.int('is not a whole number').min(0, 'is below 0').default(0),
});
