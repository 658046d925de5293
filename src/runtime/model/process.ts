/** What a container runs, as whom, and what holds it. */
import { z } from 'zod';

const text = z.string().exactOptional();
const flag = z.boolean().exactOptional();

/** Without a bound it is absent. */
const bound = z.number().nonnegative().exactOptional();

const rlimitSchema = z.object({
  /** In small letters, without `RLIMIT_`: `nofile`. */
  name: z.string(),
  soft: bound,
  hard: bound,
});

export const processSchema = z.object({
  args: z.array(z.string()).exactOptional(),
  cwd: text,
  /** `name=value`; what may be printed of it is made by `hidden.ts`. */
  env: z.array(z.string()).exactOptional(),
  uid: z.number().int().nonnegative().exactOptional(),
  gid: z.number().int().nonnegative().exactOptional(),
  groups: z.array(z.number().int().nonnegative()).exactOptional(),
  /** As it was given, where that is no number. */
  user: text,
  terminal: flag,
  hostname: text,
  rlimits: z.array(rlimitSchema).exactOptional(),
  /** -1000 to 1000. */
  oomScoreAdj: z.number().int().exactOptional(),
});

const capabilities = z.array(z.string()).exactOptional();

const seccompSchema = z.object({
  /** What becomes of a call that no rule names, such as `SCMP_ACT_ERRNO`. */
  defaultAction: text,
  /** How many calls its rules name. */
  named: z.number().int().nonnegative().exactOptional(),
  /** File that it came from; `unconfined` where it was switched off. */
  profile: text,
});

export const securitySchema = z.object({
  /** By their names, `CAP_CHOWN`, in each set of the kernel. */
  capabilities: z
    .object({
      bounding: capabilities,
      effective: capabilities,
      permitted: capabilities,
      inheritable: capabilities,
      ambient: capabilities,
    })
    .exactOptional(),
  seccomp: seccompSchema.exactOptional(),
  /** Profile of AppArmor. */
  apparmor: text,
  /** Label of SELinux, of processes and of files. */
  selinux: z.object({ process: text, mount: text }).exactOptional(),
  noNewPrivileges: flag,
  privileged: flag,
});

export type Process = z.infer<typeof processSchema>;
export type Rlimit = z.infer<typeof rlimitSchema>;
export type Security = z.infer<typeof securitySchema>;
