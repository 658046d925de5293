/** What is asked through a channel, and what is answered. */
import { z } from 'zod';
import { isErrorCode, LifeboatError } from '../../kernel/errors.ts';
import type { Frame } from './frames.ts';
import { jsonOf, nonsense } from './frames.ts';

const key = z.string().max(2048);

export const callSchema = z.discriminatedUnion('verb', [
  z.object({ verb: z.literal('put'), key, ifAbsent: z.boolean() }),
  z.object({
    verb: z.literal('get'),
    key,
    range: z.object({ offset: z.number(), length: z.number() }).exactOptional(),
  }),
  z.object({ verb: z.literal('stat'), key }),
  z.object({ verb: z.literal('list'), key }),
  z.object({ verb: z.literal('remove'), key }),
]);

export type Call = z.infer<typeof callSchema>;

export const helloSchema = z.object({
  format: z.string(),
  traits: z.object({
    atomicPut: z.boolean(),
    exclusivePut: z.boolean(),
    ranges: z.boolean(),
    sequential: z.boolean(),
    appendOnly: z.boolean(),
    patient: z.boolean(),
    connections: z.number(),
  }),
});

export const putSchema = z.object({ size: z.number() });
export const statSchema = z.object({ size: z.number(), mtimeMs: z.number() }).nullable();
/** A line of what `list` answers with. */
export const entrySchema = z.object({ key: z.string(), size: z.number(), mtimeMs: z.number() });

const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().exactOptional(),
  retryable: z.boolean().exactOptional(),
});

/** An error of the other end, as it was there. */
export function errorOf(frame: Frame): LifeboatError {
  const { code, message, ...options } = parsed(errorSchema, jsonOf(frame));
  return new LifeboatError(isErrorCode(code) ? code : 'failed', message, options);
}

/** @throws LifeboatError `unreachable` for what the other end would never say */
export function parsed<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (!result.success) throw nonsense();
  return result.data;
}
