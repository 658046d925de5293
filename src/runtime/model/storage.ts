/** Where a container's files are: its image, its root, what is mounted into it. */
import { z } from 'zod';

const text = z.string().exactOptional();

/** `registry`: it was pulled, and can be again by its digest as far as this host can tell; `local`: it was made or loaded here. */
export const imageOrigins = ['registry', 'local'] as const;

export const imageSchema = z.object({
  /** As it was asked for, such as `docker.io/library/nginx:1.27`. */
  reference: text,
  /** SHA-256 of its configuration, in hex without a prefix. */
  id: text,
  /** Of its manifest, `sha256:…`: the same wherever it is pulled from. */
  digest: text,
  /** Directories of its layers on this host, the uppermost first. */
  layers: z.array(z.string()).exactOptional(),
  origin: z.enum(imageOrigins).exactOptional(),
});

const changeSchema = z.object({
  /** As the container sees it. */
  path: z.string(),
  change: z.enum(['added', 'modified', 'deleted']),
});

export const rootfsSchema = z.object({
  /** Where the whole of it is on the host; absent where it is mounted only while the container runs. */
  path: text,
  readOnly: z.boolean().exactOptional(),
  /** `overlay`, `vfs`, `btrfs`, …; absent for a plain directory. */
  driver: text,
  /** Directory that holds what differs from the image. */
  writable: text,
  /** What differs from the image, where the runtime tells. */
  changes: z.array(changeSchema).exactOptional(),
});

export const mountKinds = ['volume', 'bind', 'tmpfs', 'system'] as const;

export const mountSchema = z.object({
  /** `system` are those that every container has, such as `/proc`. */
  kind: z.enum(mountKinds),
  /** Of a volume. */
  name: text,
  /** Directory or file on the host. */
  source: text,
  destination: z.string(),
  readOnly: z.boolean().exactOptional(),
  /** As `mount` takes them. */
  options: z.array(z.string()).exactOptional(),
  propagation: text,
  /** The driver of a volume, where it is another than `local`. */
  driver: text,
});

export type Change = z.infer<typeof changeSchema>;
export type Mount = z.infer<typeof mountSchema>;

/** Whether losing the host would lose what lies there: it is kept on the host, outside of the image, and the runtime does not make it. */
export function holdsData({ kind, source }: Mount): boolean {
  if (kind === 'volume') return true;
  return kind === 'bind' && source !== undefined && !/^\/(?:proc|sys|dev|run)(?:\/|$)/.test(source);
}

/** What only this host has of a container's root: what it changed, or all of it where it has no image. */
export function ownRoot({ path, writable }: z.infer<typeof rootfsSchema> = {}): string | undefined {
  return writable ?? path;
}
