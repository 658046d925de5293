/** The fields used of what podman 3 to 5 prints as JSON. */
import { z } from 'zod';

const text = z.string().nullish();
const number = z.number().nullish();
const texts = z.array(z.string()).nullish();
const record = z.record(z.string(), z.string()).nullish();

export const listSchema = z
  .array(
    z.object({
      Id: z.string(),
      Names: texts,
      State: z.string(),
      Pid: number,
      /** Seconds since 1970. */
      Created: number,
    }),
  )
  .nullable();

const attachment = z.object({
  IPAddress: text,
  IPPrefixLen: number,
  Gateway: text,
  GlobalIPv6Address: text,
  GlobalIPv6PrefixLen: number,
  IPv6Gateway: text,
  MacAddress: text,
  Aliases: texts,
});

export const inspectSchema = z.array(
  z.object({
    Id: z.string(),
    Name: z.string(),
    Created: text,
    State: z.object({
      Status: z.string(),
      Pid: number,
      ExitCode: number,
      StartedAt: text,
      Health: z.object({ Status: text }).nullish(),
    }),
    Image: text,
    ImageName: text,
    ImageDigest: text,
    Rootfs: text,
    Pod: text,
    IsInfra: z.boolean().nullish(),
    OCIConfigPath: text,
    /** `<storage>/<driver>-containers/<id>/userdata` */
    StaticDir: text,
    GraphDriver: z.object({ Name: text, Data: record }).nullish(),
    Mounts: z
      .array(
        z.object({
          Type: z.string(),
          Name: text,
          Source: text,
          Destination: z.string(),
          Driver: text,
          Options: texts,
          RW: z.boolean().nullish(),
          Propagation: text,
        }),
      )
      .nullish(),
    NetworkSettings: z.object({ Networks: z.record(z.string(), attachment).nullish() }).nullish(),
    Config: z.object({
      Labels: record,
      Annotations: record,
      CreateCommand: texts,
      Healthcheck: z
        .object({ Test: texts, Interval: number, Timeout: number, StartPeriod: number, Retries: number })
        .nullish(),
      Env: texts,
      User: text,
      Hostname: text,
    }),
    HostConfig: z.object({
      NetworkMode: text,
      PortBindings: z.record(z.string(), z.array(z.object({ HostIp: text, HostPort: text })).nullable()).nullish(),
      RestartPolicy: z.object({ Name: text, MaximumRetryCount: number }).nullish(),
      Privileged: z.boolean().nullish(),
      ReadonlyRootfs: z.boolean().nullish(),
      SecurityOpt: texts,
      Tmpfs: record,
    }),
  }),
);

export const networksSchema = z
  .array(
    z.object({
      name: z.string(),
      driver: text,
      network_interface: text,
      internal: z.boolean().nullish(),
      options: record,
    }),
  )
  .nullable();

export type Inspected = z.infer<typeof inspectSchema>[number];
export type KnownNetwork = NonNullable<z.infer<typeof networksSchema>>[number];
