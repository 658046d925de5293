/** Pods of podman: containers that share namespaces, which a container of their own holds. */
import { z } from 'zod';
import type { Asker } from '../../host/asker.ts';
import type { Inspected } from './schema.ts';

const podSchema = z.object({
  Id: z.string(),
  Name: z.string(),
  SharedNamespaces: z.array(z.string()).nullish(),
  CreateCommand: z.array(z.string()).nullish(),
});

export type Pod = z.infer<typeof podSchema>;

/** @throws Error for what is no `podman pod inspect`; before version 5 one pod was no list */
export function parsePods(stdout: string): Pod[] {
  const parsed: unknown = JSON.parse(stdout);
  return z.array(podSchema).parse(Array.isArray(parsed) ? parsed : [parsed]);
}

/** Those that these containers are in, by id. */
export async function podsOf(asker: Asker, containers: readonly Inspected[]): Promise<ReadonlyMap<string, Pod>> {
  const ids = new Set(containers.flatMap(({ Pod: id }) => id || []));
  const pods = new Map<string, Pod>();
  for (const id of ids) {
    // One after the other, as earlier versions take one only.
    const found = await asker.ask({
      argv: ['podman', 'pod', 'inspect', '--', id],
      parse: parsePods,
      subject: `pod ${id.slice(0, 12)}`,
      timeoutMs: 30_000,
    });
    for (const pod of found ?? []) pods.set(pod.Id, pod);
  }
  return pods;
}
