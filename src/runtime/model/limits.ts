/**
 * What a cgroup allows: the settings of version 1 and of version 2, each in the units of the kernel's own files. A setting that is
 * absent is not limited or was not told; `cgroup/translate.ts` makes one of the other.
 */
import { z } from 'zod';

const count = z.number().int().nonnegative().exactOptional();
const flag = z.boolean().exactOptional();
const text = z.string().exactOptional();
const bytes = count;

/** Bounds on one block device, the same in both versions. */
const throttleSchema = z.object({
  /** `major:minor` */
  device: z.string().regex(/^\d+:\d+$/),
  readBytesPerSecond: count,
  writeBytesPerSecond: count,
  readsPerSecond: count,
  writesPerSecond: count,
});

const deviceWeightSchema = z.object({ device: z.string().regex(/^\d+:\d+$/), weight: z.number().int().positive() });

/** Version 1 keeps these in a list; version 2 has a program in the kernel for it that cannot be read, so they come out of the definition. */
const deviceRuleSchema = z.object({
  allow: z.boolean(),
  /** `a` is all of them. */
  type: z.enum(['a', 'b', 'c']),
  /** Absent: any. */
  major: count,
  minor: count,
  /** Out of `r`, `w`, `m`. */
  access: z.string(),
});

const quotaSchema = {
  /** Microseconds of processor time in each period; absent where there is no bound. */
  quotaUs: z.number().int().positive().exactOptional(),
  periodUs: z.number().int().positive().exactOptional(),
  burstUs: count,
};

const cpusetSchema = {
  /** A list of processors such as `0-3,8`. */
  cpus: text,
  /** A list of NUMA nodes. */
  mems: text,
};

const shared = {
  /** Most processes and threads. */
  pids: count,
  /** Bytes by size of the page, such as `2MB`. */
  hugepages: z.record(z.string(), z.number().int().nonnegative()).exactOptional(),
  devices: z.array(deviceRuleSchema).exactOptional(),
  frozen: flag,
};

export const limitsV1Schema = z.object({
  version: z.literal(1),
  cpu: z
    .object({
      /** 2 to 262144, the kernel's default being 1024. */
      shares: z.number().int().positive().exactOptional(),
      ...quotaSchema,
      /** Microseconds that real-time processes may run in each period. */
      realtimeRuntimeUs: count,
      idle: flag,
    })
    .exactOptional(),
  cpuset: z.object({ ...cpusetSchema, exclusive: flag, memoryMigrate: flag }).exactOptional(),
  memory: z
    .object({
      limitBytes: bytes,
      softLimitBytes: bytes,
      /** Memory and swap together. */
      withSwapBytes: bytes,
      kernelBytes: bytes,
      kernelTcpBytes: bytes,
      /** 0 to 100. */
      swappiness: count,
      oomKillDisabled: flag,
    })
    .exactOptional(),
  io: z
    .object({
      /** 1 to 1000, of the scheduler BFQ. */
      weight: z.number().int().positive().exactOptional(),
      deviceWeights: z.array(deviceWeightSchema).exactOptional(),
      throttle: z.array(throttleSchema).exactOptional(),
    })
    .exactOptional(),
  network: z
    .object({
      /** Of `net_cls`. */
      classId: count,
      /** Priority by link, of `net_prio`. */
      priorities: z.record(z.string(), z.number().int()).exactOptional(),
    })
    .exactOptional(),
  ...shared,
});

export const limitsV2Schema = z.object({
  version: z.literal(2),
  cpu: z
    .object({
      /** 1 to 10000, the kernel's default being 100. */
      weight: z.number().int().positive().exactOptional(),
      ...quotaSchema,
      idle: flag,
    })
    .exactOptional(),
  cpuset: z.object({ ...cpusetSchema, partition: z.enum(['root', 'isolated']).exactOptional() }).exactOptional(),
  memory: z
    .object({
      maxBytes: bytes,
      /** Above it the cgroup is slowed down. */
      highBytes: bytes,
      /** Up to it memory is taken from others first. */
      lowBytes: bytes,
      /** Up to it memory is never taken. */
      minBytes: bytes,
      /** Swap alone. */
      swapMaxBytes: bytes,
      zswapMaxBytes: bytes,
      /** All of the cgroup is killed together. */
      oomGroup: flag,
    })
    .exactOptional(),
  io: z
    .object({
      /** 1 to 10000, of io.cost. */
      weight: z.number().int().positive().exactOptional(),
      /** 1 to 1000, of the scheduler BFQ. */
      bfqWeight: z.number().int().positive().exactOptional(),
      deviceWeights: z.array(deviceWeightSchema).exactOptional(),
      throttle: z.array(throttleSchema).exactOptional(),
      /** Microseconds by `major:minor`. */
      latencyUs: z.record(z.string(), z.number().int().positive()).exactOptional(),
    })
    .exactOptional(),
  ...shared,
});

export const limitsSchema = z.discriminatedUnion('version', [limitsV1Schema, limitsV2Schema]);

export type LimitsV1 = z.infer<typeof limitsV1Schema>;
export type LimitsV2 = z.infer<typeof limitsV2Schema>;
export type Limits = z.infer<typeof limitsSchema>;
export type Throttle = z.infer<typeof throttleSchema>;
export type DeviceRule = z.infer<typeof deviceRuleSchema>;
