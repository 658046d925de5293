/** The fields used of what docker's API answers; podman's inspection was made after it, so most of them are the same. */
import { z } from 'zod';
import { inspectSchema as podmanSchema } from '../podman/schema.ts';

const text = z.string().nullish();
const number = z.number().nullish();

/** A line of `docker ps --format json`. */
export const listedSchema = z.object({ ID: z.string(), Names: z.string(), State: z.string() });

export const inspectSchema = z.array(
  podmanSchema.element.extend({
    /** `<data root>/containers/<id>/hostname` */
    HostnamePath: text,
    Config: podmanSchema.element.shape.Config.extend({ Image: text }),
    HostConfig: podmanSchema.element.shape.HostConfig.extend({
      CpuShares: number,
      CpuPeriod: number,
      CpuQuota: number,
      /** Processors in thousandths of a millionth, in place of quota and period. */
      NanoCpus: number,
      CpusetCpus: text,
      CpusetMems: text,
      Memory: number,
      MemoryReservation: number,
      MemorySwap: number,
      OomKillDisable: z.boolean().nullish(),
      PidsLimit: number,
      BlkioWeight: number,
    }),
  }),
);

export const networksSchema = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    Driver: text,
    Internal: z.boolean().nullish(),
    Options: z.record(z.string(), z.string()).nullish(),
  }),
);

export type Inspected = z.infer<typeof inspectSchema>[number];
export type Network = z.infer<typeof networksSchema>[number];
