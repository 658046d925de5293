/** The document of a recovery point, `lifeboat.point/1`, and what is attested of it, `lifeboat.attestation/1`. */
import { z } from 'zod';
import { factsSchema } from '../facts/types.ts';
import type { Json } from '../kernel/json.ts';
import { layoutSchema } from '../layout/types.ts';
import { coverageItemSchema } from './coverage.ts';
import { networkSchema } from '../network/types.ts';

export const POINT_FORMAT = 'lifeboat.point/1';
export const ATTESTATION_FORMAT = 'lifeboat.attestation/1';

const json: z.ZodType<Json> = z.json();
const finding = z.object({ subject: z.string(), problem: z.string() });

/** Everything but what the engine stored: this part also lies inside the engine's own data. */
const descriptionSchema = z.object({
  id: z.string(),
  createdAt: z.iso.datetime(),
  host: z.object({ name: z.string(), machineId: z.string().exactOptional() }),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  layout: layoutSchema,
  network: networkSchema,
  facts: factsSchema,
  coverage: z.array(coverageItemSchema),
});

export const pointSchema = descriptionSchema.extend({
  format: z.literal(POINT_FORMAT),
  data: z.object({
    engine: z.string(),
    stored: json,
    entries: z.number(),
    /** Of file content. */
    bytes: z.number(),
    /** In the repository. */
    storedBytes: z.number(),
    /** What is not, or not faithfully, in the point. */
    findings: z.array(finding),
  }),
});

export const attestationSchema = z.object({
  format: z.literal(ATTESTATION_FORMAT),
  point: z.string(),
  kind: z.literal('verified'),
  /** `read-back`: every byte was read from the repository and checked. */
  level: z.literal('read-back'),
  result: z.enum(['passed', 'damaged']),
  damage: z.array(finding),
  at: z.iso.datetime(),
  by: z.object({ host: z.string(), version: z.string() }),
});

export type PointDescription = z.infer<typeof descriptionSchema>;
export type Point = z.infer<typeof pointSchema>;
export type Attestation = z.infer<typeof attestationSchema>;

/**
 * How far a point can be trusted: `stored` was acknowledged only, `read-back` was read again and found right, `damaged`
 * was read again and found wrong. Of several attestations the newest counts.
 */
export type Trust = 'stored' | 'read-back' | 'damaged';

export function trustOf(attestations: readonly Attestation[]): Trust {
  const newest = attestations.reduce<Attestation | undefined>((a, b) => (a && a.at > b.at ? a : b), undefined);
  if (!newest) return 'stored';
  return newest.result === 'passed' ? newest.level : 'damaged';
}
