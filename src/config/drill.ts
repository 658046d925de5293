/** The part of the configuration that is about drills: the machine that is used, and what is looked at in it besides. */
import { z } from 'zod';

const text = z.string().min(1, 'is empty');
const pattern = text.refine(isPattern, 'is no regular expression');
const name = text.max(60, 'is too long for a name');

function isPattern(source: string): boolean {
  try {
    return new RegExp(source, 'm').source !== '';
  } catch {
    return false;
  }
}

/** Each is carried out in the machine that has booted, which reaches nothing else. */
function checkSchema(duration: z.ZodType<string>, absolutePath: z.ZodType<string>) {
  const common = { name, within: duration.default('2m'), expect: pattern.exactOptional() };
  const where = /^(?:\[([0-9a-f:]+)\]|([^\s:[\]]+)):(\d{1,5})$/i;
  return z.union(
    [
      z.strictObject({ ...common, command: z.array(z.string()).min(1, 'names no program').readonly() }),
      z.strictObject({ ...common, http: text.refine((url) => /^https?:\/\/[^/]/.test(url), 'is no http(s) URL') }),
      z.strictObject({
        name,
        within: common.within,
        tcp: text.regex(where, 'is not a host and a port, such as localhost:25'),
      }),
      z.strictObject({
        ...common,
        sql: text,
        server: z.enum(['postgresql', 'mysql'], 'is neither postgresql nor mysql').default('postgresql'),
        database: text.exactOptional(),
      }),
      z.strictObject({ ...common, file: absolutePath }),
    ],
    'is not a check: write name, and one of command, http, tcp, sql and file',
  );
}

/**
 * @param duration a schema of durations such as `2h`
 * @param size one of sizes such as `4G`
 */
export function drillSchema(duration: z.ZodType<string>, size: z.ZodType<string>, absolutePath: z.ZodType<string>) {
  return z.strictObject({
    /** How old the last one that passed may be. */
    every: duration.exactOptional(),
    memory: size.exactOptional(),
    /** How long one may take. @default three hours, and a minute for each 256 MiB of files */
    limit: duration.exactOptional(),
    checks: z.array(checkSchema(duration, absolutePath)).default([]).readonly(),
    /** Units of systemd that fail in a machine that reaches nothing. */
    mayFail: z.array(text).default([]).readonly(),
  });
}

export type DrillCheck = z.output<ReturnType<typeof checkSchema>>;
