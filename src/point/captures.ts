/**
 * How a host was when a point of it was made: `lifeboat.captures/1`, beside the record. These schemas bring those of everything
 * that a host can have: whoever only reads records does without, and loads this when it is wanted.
 */
import { z } from 'zod';
import { factsSchema } from '../facts/types.ts';
import { layoutSchema } from '../layout/types.ts';
import { networkSchema } from '../network/types.ts';
import { capturedContainersSchema } from './containers.ts';
import { coverageItemSchema } from './coverage.ts';
import { CAPTURES_FORMAT, headSchema } from './point.ts';

const capturedSchema = z.object({
  layout: layoutSchema,
  network: networkSchema,
  facts: factsSchema,
  coverage: z.array(coverageItemSchema),
  /** Absent in points of earlier versions. */
  containers: capturedContainersSchema.exactOptional(),
});

export const capturesSchema = capturedSchema.extend({ format: z.literal(CAPTURES_FORMAT), id: z.string() });

/** Everything but what the engine stored: this lies inside the engine's own data, so that the data alone suffices. */
export const descriptionSchema = headSchema.extend(capturedSchema.shape);

export type Captures = z.infer<typeof capturesSchema>;
export type PointDescription = z.infer<typeof descriptionSchema>;
