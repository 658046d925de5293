/** The part of an OCI runtime's `config.json` that says how a container is, of versions 1.0 to 1.2. */
import { z } from 'zod';

const text = z.string().nullish();
const number = z.number().nullish();
const flag = z.boolean().nullish();
const texts = z.array(z.string()).nullish();
const record = z.record(z.string(), z.string()).nullish();
const list = <T extends z.ZodType>(item: T) => z.array(item).nullish();

const onDevice = z.object({ major: z.number(), minor: z.number() });
const weightDevice = onDevice.extend({ weight: number });
const rateDevice = onDevice.extend({ rate: z.number() });

const resourcesSchema = z.object({
  cpu: z
    .object({
      shares: number,
      quota: number,
      period: number,
      burst: number,
      realtimeRuntime: number,
      idle: number,
      cpus: text,
      mems: text,
    })
    .nullish(),
  memory: z
    .object({
      limit: number,
      reservation: number,
      swap: number,
      kernel: number,
      kernelTCP: number,
      swappiness: number,
      disableOOMKiller: flag,
    })
    .nullish(),
  blockIO: z
    .object({
      weight: number,
      weightDevice: list(weightDevice),
      throttleReadBpsDevice: list(rateDevice),
      throttleWriteBpsDevice: list(rateDevice),
      throttleReadIOPSDevice: list(rateDevice),
      throttleWriteIOPSDevice: list(rateDevice),
    })
    .nullish(),
  pids: z.object({ limit: number }).nullish(),
  hugepageLimits: list(z.object({ pageSize: z.string(), limit: z.number() })),
  devices: list(z.object({ allow: z.boolean(), type: text, major: number, minor: number, access: text })),
  network: z
    .object({ classID: number, priorities: list(z.object({ name: z.string(), priority: z.number() })) })
    .nullish(),
  /** Files of version 2, as they are to be written. */
  unified: record,
});

const idMapping = z.object({ containerID: z.number(), hostID: z.number(), size: z.number() });

export const specSchema = z.object({
  process: z
    .object({
      terminal: flag,
      user: z.object({ uid: number, gid: number, additionalGids: list(z.number()) }).nullish(),
      args: texts,
      env: texts,
      cwd: text,
      capabilities: z
        .object({ bounding: texts, effective: texts, permitted: texts, inheritable: texts, ambient: texts })
        .nullish(),
      rlimits: list(z.object({ type: z.string(), soft: z.number(), hard: z.number() })),
      noNewPrivileges: flag,
      apparmorProfile: text,
      selinuxLabel: text,
      oomScoreAdj: number,
    })
    .nullish(),
  root: z.object({ path: z.string(), readonly: flag }).nullish(),
  hostname: text,
  mounts: list(z.object({ destination: z.string(), type: text, source: text, options: texts })),
  annotations: record,
  linux: z
    .object({
      namespaces: list(z.object({ type: z.string(), path: text })),
      uidMappings: list(idMapping),
      gidMappings: list(idMapping),
      cgroupsPath: text,
      resources: resourcesSchema.nullish(),
      seccomp: z.object({ defaultAction: text, syscalls: list(z.object({ names: z.array(z.string()) })) }).nullish(),
      rootfsPropagation: text,
      mountLabel: text,
      memoryPolicy: z.object({ mode: z.string(), nodes: text }).nullish(),
    })
    .nullish(),
});

export type Spec = z.infer<typeof specSchema>;
export type Resources = z.infer<typeof resourcesSchema>;
