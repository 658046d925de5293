/** The configuration: one YAML file, plain data, and never a secret in it. An unknown key is an error. */
import { z } from 'zod';
import { parseBytes, parseDuration } from '../kernel/units.ts';
import { drillSchema } from './drill.ts';
import { recoverSchema } from './recover.ts';
import { checkpointsSchema, retentionSchema, verifySchema } from './retention.ts';
import { scheduleSchemas } from './schedule.ts';

const absolutePath = z
  .string()
  .refine((path) => path.startsWith('/') && !path.includes('\0'), 'is not an absolute path (it begins with /)')
  .refine((path) => !path.split('/').includes('..'), 'has .. in it: write the path that is meant');

const pattern = z
  .string()
  .min(1, 'is an empty pattern')
  .refine((text) => !/^\/+$/.test(text), 'would leave out everything');

const repository = z
  .string()
  .refine(
    (text) => text.startsWith('/') || /^[a-z][a-z0-9+.-]*:./i.test(text),
    'is not the URL of a repository, such as file:///mnt/backup',
  );

/** One segment of a key, as every target can store it. */
const hostName = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;

const duration = z.string().refine(isDuration, 'is not a duration: write 90s, 15m, 2h or 1d');

const size = z.string().refine(isSize, 'is not a size: write 500M, 20G or 1T');

const backup = z.strictObject({
  include: z.array(absolutePath).min(1, 'names no path, so nothing would be backed up').readonly(),
  exclude: z.array(pattern).default([]).readonly(),
  excludeCaches: z.boolean('is neither true nor false').default(false),
  maxFileSize: size.exactOptional(),
  crossMounts: z
    .union([z.enum(['none', 'local']), z.array(absolutePath).readonly()], 'is none, local or a list of mount points')
    .default('none'),
  containerData: z.boolean('is neither true nor false').default(true),
  containerImages: z.enum(['local', 'all'], 'is neither local nor all').default('all'),
  incremental: z.boolean('is neither true nor false').default(true),
  fullEvery: z.int('is not a whole number').min(1, 'is below 1, every point a full one').default(7),
  compare: z.enum(['metadata', 'hash'], 'is neither metadata nor hash').default('metadata'),
  compressionLevel: z
    .int('is not a whole number')
    .min(1, 'is below 1, the fastest')
    .max(19, 'is above 19, the smallest')
    .default(3),
});

const ssh = z.strictObject({
  identityFile: absolutePath.exactOptional(),
  knownHosts: absolutePath.exactOptional(),
  configFile: absolutePath.exactOptional(),
});

const scheduling = scheduleSchemas(duration, absolutePath);
const drill = drillSchema(duration, size, absolutePath);

const config = z.strictObject({
  repository,
  engine: z.enum(['tar'], 'is not an engine; known is tar').default('tar'),
  host: z
    .string()
    .regex(hostName, 'is not a name for a host: letters, digits, dot, - and _, not beginning with a dot')
    .refine((name) => name !== 'repository.json', 'is taken in every repository')
    .refine(
      (name) => !name.endsWith('__checkpoints'),
      'ends in __checkpoints, where checkpoints of containers are kept',
    )
    .exactOptional(),
  key: absolutePath.exactOptional(),
  encryption: z.enum(['age', 'none'], 'is neither age nor none').default('age'),
  ssh: ssh.readonly().exactOptional(),
  backup: backup.readonly(),
  verify: verifySchema.readonly().default({ after: 'full', oldest: 0 }),
  retention: retentionSchema.readonly().exactOptional(),
  checkpoints: checkpointsSchema.readonly().default({ keep: 3 }),
  recover: recoverSchema.readonly().exactOptional(),
  drill: drill.readonly().exactOptional(),
  schedule: scheduling.schedule.exactOptional(),
  rpo: duration.exactOptional(),
  rto: duration.exactOptional(),
  notify: scheduling.notify.exactOptional(),
  skip: z.array(z.string().min(1, 'is an empty step id')).default([]).readonly(),
  limits: z.record(z.string(), duration).default({}).readonly(),
  retries: z
    .record(z.string(), z.int('is not a whole number').min(0, 'is below 0').max(10, 'is above 10'))
    .default({})
    .readonly(),
});

export const configSchema = config.readonly();

/** Of a configuration that is wrong elsewhere, who is to be told of that. */
export const notifySchema = z.object({ notify: scheduling.notify.exactOptional() });

export type Config = z.output<typeof configSchema>;

/** The keys of each section, the top level under `''`; sections that are not here take any key. */
export const sections: { readonly [section: string]: readonly string[] } = {
  '': Object.keys(config.shape),
  ssh: Object.keys(ssh.shape),
  backup: Object.keys(backup.shape),
  verify: Object.keys(verifySchema.shape),
  retention: Object.keys(retentionSchema.shape),
  checkpoints: Object.keys(checkpointsSchema.shape),
  recover: Object.keys(recoverSchema.shape),
  drill: Object.keys(drill.shape),
  ...scheduling.sections,
};

/** Sections whose keys are ids of steps. */
export const stepSections: readonly string[] = ['limits', 'retries'];

function isSize(text: string): boolean {
  try {
    return parseBytes(text) > 0;
  } catch {
    return false;
  }
}

function isDuration(text: string): boolean {
  try {
    return parseDuration(text) > 0;
  } catch {
    return false;
  }
}
