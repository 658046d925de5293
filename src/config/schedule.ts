/** The parts of the configuration about when jobs run by themselves, and who is told how they went. */
import { parse, validateDetailed } from 'node-cron';
import { z } from 'zod';

/** What can be scheduled: each is a command of its own. */
export const jobNames = ['backup', 'verify', 'prune', 'check', 'rescue', 'drill'] as const;
export type JobName = (typeof jobNames)[number];

/** @param duration a schema of durations such as `2h` */
export function scheduleSchemas(duration: z.ZodType<string>, absolutePath: z.ZodType<string>) {
  const retry = z.strictObject({
    attempts: z.int('is not a whole number').min(1, 'is below 1, no attempt at all').max(20, 'is above 20'),
    delay: duration.default('5m'),
    maxDelay: duration.default('1h'),
  });
  const pause = z.strictObject({
    onBattery: z.boolean('is neither true nor false').default(false),
    pressure: z.number('is not a number').gt(0, 'is not above 0').max(100, 'is above 100 percent').exactOptional(),
    atMost: duration.default('4h'),
  });
  const job = z.strictObject({
    cron: z.string('is not a cron expression; write it in quotes').superRefine((text, context) => {
      const problem = cronProblem(text);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    }),
    timeZone: z.string().refine(isTimeZone, 'is not a time zone, such as Europe/Berlin or UTC').exactOptional(),
    randomDelay: duration.exactOptional(),
    timeLimit: duration.exactOptional(),
    catchUp: z.boolean('is neither true nor false').default(true),
    retry: retry.default({ attempts: 3, delay: '5m', maxDelay: '1h' }).readonly(),
    pause: pause.readonly().exactOptional(),
  });
  const jobSchema = job.readonly().exactOptional();
  const rescue = job.extend({
    output: absolutePath,
    format: z.enum(['iso', 'usb', 'raw', 'pxe'], 'is none of iso, usb, raw and pxe').default('iso'),
    prove: z.boolean('is neither true nor false').default(true),
  });
  const drill = job.extend({
    files: z.boolean('is neither true nor false').default(false),
    output: absolutePath.exactOptional(),
  });
  const jobs = { rescue, drill };
  const schedule = z.strictObject({
    backup: jobSchema,
    verify: jobSchema,
    prune: jobSchema,
    check: jobSchema,
    rescue: rescue.readonly().exactOptional(),
    drill: drill.readonly().exactOptional(),
  });
  const mail = z.strictObject({
    to: z.union([mailAddress, z.array(mailAddress).min(1, 'names nobody').readonly()], 'is not a mail address'),
    from: mailAddress.exactOptional(),
  });
  const notify = z.strictObject({
    webhook: z.string().refine(isWebhook, 'is neither an http(s) URL nor secret').exactOptional(),
    mail: mail.readonly().exactOptional(),
    prometheus: absolutePath
      .refine((path) => path.endsWith('.prom'), 'does not end in .prom, and node_exporter would not read it')
      .exactOptional(),
  });
  const sections = {
    schedule: Object.keys(schedule.shape),
    notify: Object.keys(notify.shape),
    'notify.mail': Object.keys(mail.shape),
    ...Object.fromEntries(
      jobNames.flatMap((name) => [
        [`schedule.${name}`, Object.keys((name === 'rescue' || name === 'drill' ? jobs[name] : job).shape)],
        [`schedule.${name}.retry`, Object.keys(retry.shape)],
        [`schedule.${name}.pause`, Object.keys(pause.shape)],
      ]),
    ),
  };
  return { schedule: schedule.readonly(), notify: notify.readonly(), sections };
}

/** No white space, so that an address cannot begin another header. */
const mailAddress = z
  .string()
  .regex(
    /^[^\s<>,;:"()[\]\\@-][^\s<>,;:"()[\]\\@]*(?:@[^\s<>,;:"()[\]\\@]+)?$/,
    'is not a mail address, such as admin@example.org or root',
  );

function isWebhook(text: string): boolean {
  return text === 'secret' || /^https?:$/.test(URL.parse(text)?.protocol ?? '');
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** What is wrong with a cron expression; five fields or one of the nicknames such as `@daily`. */
export function cronProblem(text: string): string | undefined {
  const fields = text.trim().split(/\s+/);
  if (!text.trim().startsWith('@') && fields.length !== 5) {
    return `has ${fields.length} fields, and a cron expression has five: minute, hour, day of month, month, day of week`;
  }
  const { valid, errors } = validateDetailed(text);
  const [first] = errors;
  if (!valid)
    return `is not a cron expression: ${first === undefined ? 'not understood' : `${first.field}: ${first.message}`}`;
  const { dayOfMonth, dayOfWeek } = parse(text);
  if (dayOfMonth.length < 31 && dayOfWeek.length < 7) {
    return 'names days of the month and of the week, which one cron reads as "and" and another as "or": name one of them (0#1 is the first Sunday)';
  }
  return undefined;
}
