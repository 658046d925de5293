/** Routes of all tables, from `ip -j route`. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { parseIpJson } from './json.ts';
import { subjects } from './subjects.ts';
import type { NextHop, Route } from './types.ts';

type Family = Route['family'];

export function routesArgv(family: Family): Argv {
  return ['ip', '-j', family === 'inet' ? '-4' : '-6', 'route', 'show', 'table', 'all'];
}

const text = z.string().exactOptional();
const number = z.number().exactOptional();
const via = z.object({ host: z.string() }).exactOptional();
const flags = z.array(z.string()).default([]);

const hopEntry = z.object({ gateway: text, via, dev: text, weight: number, flags });
const routeEntry = z.object({
  dst: z.string(),
  type: text,
  table: z.string().default('main'),
  gateway: text,
  via,
  dev: text,
  metric: number,
  protocol: text,
  scope: text,
  prefsrc: text,
  from: text,
  src: text,
  tos: text,
  pref: text,
  flags,
  /** Its kind, in later versions with its parameters. */
  encap: z
    .union([z.string(), z.object({ encap_type: z.string() }).transform((said) => said.encap_type)])
    .exactOptional(),
  metrics: z.array(z.record(z.string(), z.json())).exactOptional(),
  nexthops: z.array(hopEntry).exactOptional(),
});

/** Parameters of an encapsulation, which earlier versions write beside the fields of the route, and by the same names. */
const besideEncap = /("encap":"\w+")(?:,"(?:id|src|dst|ttl|tos|hoplimit|tc|key|csum|seq)":(?:"[^"]*"|\w+))+/g;

/** @throws Error for output that is not a list of routes */
export function parseRoutes(stdout: string, family: Family): Route[] {
  const found = z.array(routeEntry).parse(parseIpJson(stdout.replaceAll(besideEncap, '$1')));
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
      // `src` is also the name of a field of an encapsulation, which stands beside those of the route.
      from: route.from ?? (route.encap === undefined ? route.src : undefined),
      scope: route.scope === 'global' ? undefined : route.scope,
      tos: route.tos,
      onlink: onlink(route),
      preference: route.pref === 'medium' ? undefined : route.pref,
      metrics: route.metrics === undefined ? undefined : Object.assign({}, ...route.metrics),
      encap: route.encap,
      nextHops: route.nexthops?.map(
        (hop): NextHop =>
          present({ gateway: hop.gateway ?? hop.via?.host, dev: hop.dev, weight: hop.weight, onlink: onlink(hop) }),
      ),
    }),
  }));
}

function onlink(entry: { readonly flags: readonly string[] }): true | undefined {
  return entry.flags.includes('onlink') ? true : undefined;
}

export async function captureRoutes(asker: Asker): Promise<Route[]> {
  const families: readonly Family[] = ['inet', 'inet6'];
  const found = await Promise.all(
    families.map((family) =>
      asker.ask({
        argv: routesArgv(family),
        parse: (stdout) => parseRoutes(stdout, family),
        subject: subjects.routes[family],
      }),
    ),
  );
  return found.flatMap((routes) => routes ?? []);
}
