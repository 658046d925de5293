/** One container: who manages it, and where its data lies. */
import { z } from 'zod';

export const containerSchema = z.object({
  manager: z.enum(['podman', 'docker', 'lxc', 'incus', 'lxd', 'nspawn', 'proxmox']),
  name: z.string(),
  id: z.string().exactOptional(),
  image: z.string().exactOptional(),
  /** Whose it is, where that is not root. */
  user: z.string().exactOptional(),
  /** Absent where nobody was asked. */
  running: z.boolean().exactOptional(),
  /** Goes away by itself when it stops. */
  transient: z.literal(true).exactOptional(),
  /** Where its files and volumes lie, as far as the files of its manager say. */
  paths: z.array(z.string()),
});

export type Container = z.infer<typeof containerSchema>;

/** Paths of the machine that hold somebody's data: not what a runtime makes anew at each start. */
export function dataPaths(paths: Iterable<string>): string[] {
  const lasting = [...paths].filter(
    (path) => /^\/[^/]/.test(path) && !/^\/(?:run|dev|proc|sys|tmp|var\/run)\//.test(path),
  );
  return [...new Set(lasting.map((path) => path.replace(/\/+$/, '')))].sort();
}
