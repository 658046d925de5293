/** Static neighbours and the addresses that the host answers for, from `ip -j neigh`; and other network namespaces. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { parseIpJson } from './json.ts';
import { subjects } from './subjects.ts';
import type { Neighbour } from './types.ts';

export const neighboursArgv: Argv = ['ip', '-j', 'neigh', 'show', 'nud', 'permanent'];
export const proxiesArgv: Argv = ['ip', '-j', 'neigh', 'show', 'proxy'];
export const namespacesArgv: Argv = ['ip', '-j', 'netns', 'list'];

const text = z.string().exactOptional();
const neighbourEntry = z.object({
  dst: z.string(),
  dev: text,
  lladdr: text,
  state: z.array(z.string()).exactOptional(),
});
const empty = z.strictObject({}).transform(() => undefined);

/** @throws Error for output that is not a list of neighbours */
export function parseNeighbours(stdout: string, kind: 'permanent' | 'proxy'): Neighbour[] {
  return z
    .array(z.union([neighbourEntry, empty]))
    .parse(parseIpJson(stdout))
    .flatMap((entry) => {
      // Some versions do not filter in the kernel, and some not at all.
      if (entry === undefined || (kind === 'permanent' && entry.state?.includes('PERMANENT') === false)) return [];
      const { dst, dev, lladdr } = entry;
      return [{ address: dst, ...present({ dev, mac: lladdr, proxy: kind === 'proxy' ? true : undefined }) }];
    });
}

export async function captureNeighbours(asker: Asker): Promise<Neighbour[]> {
  const ask = (argv: Argv, kind: 'permanent' | 'proxy') =>
    asker.ask({ argv, parse: (stdout) => parseNeighbours(stdout, kind), subject: subjects.neighbours });
  const [permanent, proxies] = await Promise.all([ask(neighboursArgv, 'permanent'), ask(proxiesArgv, 'proxy')]);
  return [...(permanent ?? []), ...(proxies ?? [])];
}

export async function captureNamespaces(asker: Asker): Promise<string[]> {
  const parse = (stdout: string) => z.array(z.object({ name: z.string() })).parse(parseIpJson(stdout));
  const found = await asker.ask({ argv: namespacesArgv, parse, subject: subjects.namespaces });
  return (found ?? []).map(({ name }) => name);
}
