import { asker } from '../host/asker.ts';
import type { Host } from '../host/host.ts';
import { withOrigins } from './addresses.ts';
import { emptyAnswers } from './blind.ts';
import { withBridgeVlans } from './bridge-vlans.ts';
import { withDaemons } from './daemons.ts';
import { captureDns, captureHosts } from './dns.ts';
import { configFiles, readFiles } from './files.ts';
import { captureFirewall } from './firewall.ts';
import { withHardware } from './hardware.ts';
import { captureHostname } from './hostname.ts';
import { captureLinks } from './links.ts';
import { captureNamespaces, captureNeighbours } from './neighbours.ts';
import { withOffloads } from './offloads.ts';
import { captureRoutes } from './routes.ts';
import { captureRules } from './rules.ts';
import { captureSysctls } from './sysctl.ts';
import { captureUnits, systemsOf } from './systems.ts';
import { type Link, type Network, networkFormat } from './types.ts';

/**
 * How a host is connected, and what configures it. Changes nothing on it, loads no module of the kernel, and ends within a
 * bounded time: what cannot be seen becomes a gap. Needs no root, but sees more with it. Secrets are not in the result.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureNetwork(host: Host, now: Date, signal: AbortSignal): Promise<Network> {
  const questions = asker(host, signal);
  // For what may well not be there, or has another way to be asked.
  const quiet = asker(host, signal);
  const describe = async (found: readonly Link[]): Promise<Link[]> => {
    if (found.length === 0) return [];
    const links = await withHardware(questions, found);
    return await withDaemons(questions, await withBridgeVlans(questions, await withOffloads(questions, quiet, links)));
  };
  const linksSeen = captureLinks(questions);
  const [hostname, links, routes, rules, neighbours, dns, hosts, namespaces, units, files] = await Promise.all([
    captureHostname(questions),
    linksSeen.then(describe),
    captureRoutes(questions),
    captureRules(questions),
    captureNeighbours(questions),
    captureDns(questions),
    captureHosts(questions),
    captureNamespaces(questions),
    captureUnits(questions, quiet),
    readFiles(questions),
  ]);
  emptyAnswers(questions, { links, routes, rules, neighbours, namespaces });
  const [firewall, sysctls] =
    files === undefined
      ? [undefined, undefined]
      : await Promise.all([captureFirewall(questions, quiet, files), captureSysctls(questions, files.contents, links)]);
  return {
    format: networkFormat,
    capturedAt: now.toISOString(),
    hostname,
    links: links.map((link) => ({ ...link, addresses: withOrigins(link.addresses, routes) })),
    routes,
    rules,
    neighbours,
    dns,
    hosts,
    namespaces,
    ...(files === undefined || firewall === undefined || sysctls === undefined
      ? {}
      : { systems: systemsOf(files, units), files: configFiles(files), firewall, sysctls }),
    // Questions are asked at the same time, so their order is by chance.
    gaps: questions.gaps.toSorted((one, other) =>
      one.subject < other.subject ? -1 : one.subject > other.subject ? 1 : 0,
    ),
  };
}
