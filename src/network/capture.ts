import { asker } from '../host/asker.ts';
import { captureHostname } from './hostname.ts';
import type { Host } from '../host/host.ts';
import { captureDns } from './dns.ts';
import { captureLinks } from './links.ts';
import { captureRoutes } from './routes.ts';
import { type Network, networkFormat } from './types.ts';

/**
 * How a host is connected. Changes nothing on it and ends within a bounded time: what cannot be seen becomes a gap.
 *
 * @throws LifeboatError only what aborted `signal`
 */
export async function captureNetwork(host: Host, now: Date, signal: AbortSignal): Promise<Network> {
  const questions = asker(host, signal);
  const [hostname, links, routes, dns] = await Promise.all([
    captureHostname(questions),
    captureLinks(questions),
    captureRoutes(questions),
    captureDns(questions),
  ]);
  return {
    format: networkFormat,
    capturedAt: now.toISOString(),
    hostname,
    links,
    routes,
    dns,
    gaps: [...questions.gaps],
  };
}
