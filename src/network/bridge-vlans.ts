/** VLANs that pass the ports of filtering bridges, from `bridge -j vlan`; asked only where a bridge filters. */
import { z } from 'zod';
import type { Asker } from '../host/asker.ts';
import type { Argv } from '../host/host.ts';
import { present } from '../kernel/present.ts';
import { parseIpJson } from './json.ts';
import { subjects } from './subjects.ts';
import type { BridgeVlan, Link } from './types.ts';

export const bridgeVlansArgv: Argv = ['bridge', '-j', '-compressvlans', 'vlan', 'show'];

const vlanEntry = z.object({
  vlan: z.number().int(),
  vlanEnd: z.number().int().exactOptional(),
  flags: z.array(z.string()).default([]),
});
const portEntry = z.object({ ifname: z.string(), vlans: z.array(vlanEntry).default([]) });

/** @throws Error for output that is not a list of ports */
export function parseBridgeVlans(stdout: string): Map<string, BridgeVlan[]> {
  const ports = z.array(portEntry).parse(parseIpJson(stdout));
  return new Map(
    ports.map(({ ifname, vlans }) => [
      ifname,
      vlans.map(({ vlan, vlanEnd, flags }) => ({
        vlan,
        ...present({
          vlanEnd,
          pvid: flags.includes('PVID') ? true : undefined,
          untagged: flags.includes('Egress Untagged') ? true : undefined,
        }),
      })),
    ]),
  );
}

export async function withBridgeVlans(asker: Asker, links: readonly Link[]): Promise<Link[]> {
  if (!links.some(({ detail }) => detail?.kind === 'bridge' && detail.vlan_filtering === 1)) return [...links];
  const ports = await asker.ask({ argv: bridgeVlansArgv, parse: parseBridgeVlans, subject: subjects.bridgeVlans });
  return links.map((link) => {
    const vlans = ports?.get(link.name);
    return vlans === undefined ? link : { ...link, vlans };
  });
}
