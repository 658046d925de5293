/** What CRIU answers, parsed. */
import { z } from 'zod';
import { LifeboatError } from '../kernel/errors.ts';
import { response } from './messages.ts';
import { decode } from './wire.ts';

const featuresSchema = z.object({
  memoryTracking: z.boolean().default(false),
  lazyPages: z.boolean().default(false),
  pidfdStore: z.boolean().default(false),
});

const versionSchema = z.object({
  major: z.number(),
  minor: z.number(),
  sublevel: z.number().default(0),
  gitId: z.string().optional(),
  name: z.string().optional(),
});

const responseSchema = z.object({
  type: z.union([z.string(), z.number()]),
  success: z.boolean(),
  dump: z.object({ restored: z.boolean().default(false) }).optional(),
  restore: z.object({ pid: z.number() }).optional(),
  notify: z.object({ script: z.string().default(''), pid: z.number().optional() }).optional(),
  pageServer: z.object({ port: z.number().default(0), pid: z.number().default(0) }).optional(),
  errno: z.number().optional(),
  features: featuresSchema.optional(),
  message: z.string().optional(),
  version: versionSchema.optional(),
  status: z.number().optional(),
});

export type Response = z.infer<typeof responseSchema>;
export type CriuFeatures = z.infer<typeof featuresSchema>;
export type CriuVersion = z.infer<typeof versionSchema>;

/** @throws LifeboatError `criu-failed` for what is no answer of CRIU */
export function parseResponse(bytes: Uint8Array): Response {
  try {
    return responseSchema.parse(decode(response, bytes));
  } catch (cause) {
    throw new LifeboatError('criu-failed', 'what CRIU answers makes no sense', {
      hint: 'Compare the version: lifeboat knows the answers of CRIU 3.17 to 4.2.',
      cause,
    });
  }
}

/** As CRIU writes it of itself: `4.2.1`, `4.2`. */
export function versionText({ major, minor, sublevel }: CriuVersion): string {
  return sublevel === 0 ? `${major}.${minor}` : `${major}.${minor}.${sublevel}`;
}
