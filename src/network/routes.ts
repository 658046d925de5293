/** Routes of all tables, from `ip -j route`. */
import { z } from 'zod';
import { present } from '../kernel/present.ts';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import type { Route } from './types.ts';

export type Family = Route['family'];

export function routesArgv(family: Family): Argv {
  return ['ip', '-j', family === 'inet' ? '-4' : '-6', 'route', 'show', 'table', 'all'];
}

const routeSchema = z.object({
  dst: z.string(),
  type: z.string().exactOptional(),
  table: z.string().default('main'),
  gateway: z.string().exactOptional(),
  via: z.object({ host: z.string() }).exactOptional(),
  dev: z.string().exactOptional(),
  metric: z.number().exactOptional(),
  protocol: z.string().exactOptional(),
  prefsrc: z.string().exactOptional(),
  nexthops: z
    .array(
      z.object({
        gateway: z.string().exactOptional(),
        via: z.object({ host: z.string() }).exactOptional(),
        dev: z.string().exactOptional(),
        weight: z.number().exactOptional(),
      }),
    )
    .exactOptional(),
});

/** The output may be empty: an old `ip` prints nothing at all where there is no route. */
export function parseRoutes(stdout: string, family: Family): Route[] {
  const text = stdout.trim();
  const found = z.array(routeSchema).parse(text === '' ? [] : JSON.parse(text));
  return found.map((route) => ({
    family,
    table: route.table,
    destination: route.dst,
    ...present({
      type: route.type === 'unicast' ? undefined : route.type,
      gateway: route.gateway ?? route.via?.host,
      dev: route.dev,
      metric: route.metric,
      protocol: route.protocol,
      source: route.prefsrc,
    }),
    ...(route.nexthops === undefined
      ? {}
      : {
          nextHops: route.nexthops.map((hop) =>
            present({ gateway: hop.gateway ?? hop.via?.host, dev: hop.dev, weight: hop.weight }),
          ),
        }),
  }));
}

export async function captureRoutes(asker: Asker): Promise<Route[]> {
  const families: readonly Family[] = ['inet', 'inet6'];
  const found = await Promise.all(
    families.map((family) =>
      asker.ask({
        argv: routesArgv(family),
        parse: (stdout) => parseRoutes(stdout, family),
        subject: family === 'inet' ? 'IPv4 routes' : 'IPv6 routes',
      }),
    ),
  );
  return found.flatMap((routes) => routes ?? []);
}
