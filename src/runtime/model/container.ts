/** The document `lifeboat.container/1`: one container, whichever runtime has it, as it is defined and as it runs. */
import { z } from 'zod';
import { gapSchema } from '../../host/gap.ts';
import { checkDocument } from '../../kernel/document.ts';
import { limitsSchema } from './limits.ts';
import { networkSchema, publishedPortSchema } from './network.ts';
import { processSchema, securitySchema } from './process.ts';
import { imageSchema, mountSchema, rootfsSchema } from './storage.ts';

export const containerFormat = 'lifeboat.container/1';

/** A new runtime is a name here, a folder, and a line in `runtimes.ts`. */
export const runtimeNames = ['process', 'runc', 'crun', 'lxc', 'containerd', 'docker', 'podman'] as const;

const text = z.string().exactOptional();
const count = z.number().int().nonnegative().exactOptional();

/** `exited` keeps its writable layer and can be started; `unknown` is what the runtime said of none of these. */
export const states = ['created', 'running', 'paused', 'exited', 'unknown'] as const;

export const namespaceTypes = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'] as const;

const namespaceSchema = z.object({
  type: z.enum(namespaceTypes),
  /** `own`; `host`: that of the host's first process; `joined`: one that lies at `path` or is another container's. */
  from: z.enum(['own', 'host', 'joined']),
  path: text,
});

/** Identifiers from `inside` on are those from `outside` on, on the host. */
const idMapSchema = z.object({
  inside: z.number().int().nonnegative(),
  outside: z.number().int().nonnegative(),
  size: z.number().int().positive(),
});

export const restartSchema = z.object({
  policy: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
  /** Absent: without end. */
  retries: count,
});

const healthSchema = z.object({
  /** Program and arguments; `CMD-SHELL` before what a shell inside is to run. */
  test: z.array(z.string()),
  intervalMs: count,
  timeoutMs: count,
  startPeriodMs: count,
  retries: count,
  /** As last seen: `healthy`, `unhealthy`, `starting`. */
  status: text,
});

const podSchema = z.object({
  id: z.string(),
  name: text,
  /** It only holds the namespaces of the others. */
  infra: z.boolean().exactOptional(),
  /** Namespaces that its containers share, as the runtime names them. */
  shares: z.array(z.string()).exactOptional(),
  /** Arguments by which it was made. */
  command: z.array(z.string()).exactOptional(),
});

/** What made it, and would make it again. */
const definitionSchema = z.object({
  kind: z.enum(['bundle', 'quadlet', 'compose', 'kube', 'command']),
  /** Files that say it; none for a command that somebody typed. */
  paths: z.array(z.string()),
  /** Of compose. */
  project: text,
  service: text,
  /** Arguments, of what somebody typed. */
  command: z.array(z.string()).exactOptional(),
});

export const containerSchema = z.object({
  format: z.literal(containerFormat),
  capturedAt: z.iso.datetime(),
  runtime: z.enum(runtimeNames),
  /** What the runtime calls it by: the number of the first process, where there is no runtime. */
  id: z.string().min(1),
  name: z.string().min(1),
  /** Other than root's. */
  owner: text,
  state: z.enum(states),
  /** Where it runs: its first process, as the host numbers it. */
  pid: z.number().int().positive().exactOptional(),
  createdAt: z.iso.datetime().exactOptional(),
  startedAt: z.iso.datetime().exactOptional(),
  exitCode: z.number().int().exactOptional(),
  image: imageSchema.exactOptional(),
  rootfs: rootfsSchema.exactOptional(),
  mounts: z.array(mountSchema),
  /** Directories of its runtime without which the runtime does not know it, or not whole: definition, changed files, volumes, images. */
  storage: z.array(z.string()).exactOptional(),
  process: processSchema.exactOptional(),
  security: securitySchema.exactOptional(),
  namespaces: z.array(namespaceSchema),
  userIds: z.array(idMapSchema).exactOptional(),
  groupIds: z.array(idMapSchema).exactOptional(),
  /** Path below the mount of cgroups. */
  cgroup: text,
  /** `definedLimits` are what the runtime was told, `limits` what the kernel holds it to; the latter only where it runs. */
  definedLimits: limitsSchema.exactOptional(),
  limits: limitsSchema.exactOptional(),
  /** Processors and NUMA nodes that its first process may really use, as lists of the kernel. */
  numa: z.object({ cpus: text, nodes: text, policy: text }).exactOptional(),
  networks: z.array(networkSchema),
  ports: z.array(publishedPortSchema),
  restart: restartSchema.exactOptional(),
  health: healthSchema.exactOptional(),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  pod: podSchema.exactOptional(),
  definedBy: z.array(definitionSchema),
  gaps: z.array(gapSchema),
});

export type Container = z.infer<typeof containerSchema>;
export type RuntimeName = (typeof runtimeNames)[number];
export type State = (typeof states)[number];
export type Namespace = z.infer<typeof namespaceSchema>;
export type IdMap = z.infer<typeof idMapSchema>;
export type Definition = z.infer<typeof definitionSchema>;

/**
 * A container out of parsed JSON.
 *
 * @throws LifeboatError `newer-format`, `record-damaged`
 */
export function parseContainer(value: unknown): Container {
  return checkDocument(value, containerSchema, containerFormat, 'the container');
}
