/** What CRIU puts into the network of a container while it dumps it, and leaves there where it is killed together with all who would look after it. */
import { z } from 'zod';
import { anyCode } from '../../host/any-code.ts';
import type { Host } from '../../host/host.ts';

const toolMs = 15_000;
const filters = ['iptables', 'ip6tables'] as const;

/** A network before somebody locked it. */
export const networkSchema = z.object({
  /** What `/proc/<pid>/ns/net` points to. */
  namespace: z.string(),
  /** Where it lies, if it has a name: it is there without the container then. */
  path: z.string().exactOptional(),
  /** Others are in it, too, such as the host. */
  shared: z.boolean(),
  /** Rules in it that look like CRIU's: of nftables the names of tables. */
  tables: z.array(z.string()),
  /** Of iptables and ip6tables, each with the tool before it. */
  rules: z.array(z.string()),
});

export type Network = z.infer<typeof networkSchema>;

/** @param path where the namespace lies */
export async function networkOf(
  host: Host,
  pid: number,
  path: string | undefined,
  signal: AbortSignal,
): Promise<Network> {
  const place = `/proc/${pid}/ns/net`;
  const namespace = await linkOf(host, place, signal);
  return {
    namespace,
    shared: namespace === (await linkOf(host, '/proc/self/ns/net', signal)),
    ...(await lookedAt(host, place, signal)),
    ...(path === undefined ? {} : { path }),
  };
}

async function linkOf(host: Host, path: string, signal: AbortSignal): Promise<string> {
  return (await host.run(['readlink', '--', path], { okCodes: [0, 1] }, signal)).stdout.toString().trim();
}

async function lookedAt(host: Host, place: string, signal: AbortSignal): Promise<Pick<Network, 'tables' | 'rules'>> {
  const say = async (...argv: readonly [string, ...string[]]): Promise<string> => {
    const inside = ['nsenter', `--net=${place}`, ...argv] as const;
    const { code, stdout } = await host.run(inside, { okCodes: anyCode, timeoutMs: toolMs }, signal);
    return code === 0 ? stdout.toString() : '';
  };
  const rules: string[] = [];
  for (const tool of filters)
    rules.push(...criuRules(await say(tool, '-w', '5', '-S')).map((rule) => `${tool} ${rule}`));
  return { tables: criuTables(await say('nft', 'list', 'tables')), rules };
}

/** @param lines of `nft list tables` */
export function criuTables(lines: string): string[] {
  return [...lines.matchAll(/^table inet (CRIU-[0-9a-f-]+)$/gm)].map(([, table = '']) => table);
}

/** @param lines of `iptables -S`. @returns its own chain, what leads there, and connections that are held back for what has its mark */
export function criuRules(lines: string): string[] {
  return lines.split('\n').filter((line) => /^-N CRIU$|^-A (?:INPUT|OUTPUT) .*(?:-j CRIU$|\b0xc114\b)/i.test(line));
}

/**
 * Takes away what CRIU has left that was not there before. Where others use the same network, only while no CRIU is at work on this host.
 *
 * @param pid in that network; absent where nothing of the container runs
 * @returns what was removed, in words; nothing where it is another network by now, or none
 */
export async function unlock(host: Host, before: Network, pid: number | undefined): Promise<readonly string[]> {
  const { signal } = new AbortController();
  const place = pid === undefined ? before.path : `/proc/${pid}/ns/net`;
  if (place === undefined) return [];
  const there =
    pid === undefined
      ? `net:[${(await host.run(['stat', '-L', '-c', '%i', '--', place], { okCodes: [0, 1] }, signal)).stdout.toString().trim()}]`
      : await linkOf(host, place, signal);
  if (there !== before.namespace || (before.shared && (await isCriuAtWork(host)))) return [];
  const now = await lookedAt(host, place, signal);
  const run = async (...argv: readonly [string, ...string[]]): Promise<void> => {
    await host.run(['nsenter', `--net=${place}`, ...argv], { okCodes: anyCode, timeoutMs: toolMs }, signal);
  };
  const tables = now.tables.filter((table) => !before.tables.includes(table));
  for (const table of tables) await run('nft', 'delete', 'table', 'inet', table);
  const rules = now.rules.filter((rule) => !before.rules.includes(rule));
  for (const rule of rules) {
    const [tool = '', verb, chain = '', ...words] = rule.split(' ');
    if (verb === '-A') await run(tool, '-w', '5', '-D', chain, ...words);
  }
  for (const rule of rules.filter((one) => one.endsWith(' -N CRIU'))) {
    const [tool = ''] = rule.split(' ');
    await run(tool, '-w', '5', '-F', 'CRIU');
    await run(tool, '-w', '5', '-X', 'CRIU');
  }
  const left = await lookedAt(host, place, signal);
  const gone = (found: readonly string[], still: readonly string[]) => found.filter((one) => !still.includes(one));
  return [
    ...gone(tables, left.tables).map((table) => `table ${table} of nftables in its network`),
    ...(gone(rules, left.rules).length === 0 ? [] : [`rules of iptables in its network`]),
  ];
}

async function isCriuAtWork(host: Host): Promise<boolean> {
  const argv = ['sh', '-c', 'grep -lsx criu /proc/[0-9]*/comm || :'] as const;
  return (await host.run(argv, {}, new AbortController().signal)).stdout.length > 0;
}
