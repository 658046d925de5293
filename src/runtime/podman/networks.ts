/** How podman has connected a container, and which ports of the host lead into it. */
import { present } from '../../kernel/present.ts';
import type { ContainerNetwork, PublishedPort } from '../model/network.ts';
import type { Inspected, KnownNetwork } from './schema.ts';

/** @param known `podman network ls`; a network that is not in it is of the kind `other` */
export function networksOf(
  { HostConfig, NetworkSettings }: Inspected,
  known: readonly KnownNetwork[],
): ContainerNetwork[] {
  const mode = HostConfig.NetworkMode ?? '';
  const [kind = '', other] = mode.split(':');
  if (kind === 'none' || kind === 'host') return [{ kind }];
  if (kind === 'container' || kind === 'ns') return [{ kind: 'container', ...present({ with: other }) }];
  if (kind === 'slirp4netns' || kind === 'pasta') return [{ kind: 'user', name: kind, nat: kind === 'slirp4netns' }];
  return Object.entries(NetworkSettings?.Networks ?? {}).map(([name, attached]) => {
    const network = known.find((item) => item.name === name);
    const addresses = [
      withPrefix(attached.IPAddress, attached.IPPrefixLen),
      withPrefix(attached.GlobalIPv6Address, attached.GlobalIPv6PrefixLen),
    ].flatMap((address) => address ?? []);
    const gateways = [attached.Gateway, attached.IPv6Gateway].flatMap((gateway) => gateway || []);
    return {
      kind: kindOf(network?.driver),
      name,
      ...present({
        parent: network?.network_interface || undefined,
        mac: attached.MacAddress || undefined,
        addresses: addresses.length === 0 ? undefined : addresses,
        gateways: gateways.length === 0 ? undefined : gateways,
        aliases: attached.Aliases?.length ? attached.Aliases : undefined,
        nat: network === undefined ? undefined : isTranslated(network),
      }),
    };
  });
}

function kindOf(driver: string | null | undefined): ContainerNetwork['kind'] {
  return driver === 'bridge' || driver === 'macvlan' || driver === 'ipvlan' ? driver : 'other';
}

/** Those that podman makes a bridge for, and that lead out of the host. */
function isTranslated({ driver, internal, options }: KnownNetwork): boolean {
  return driver === 'bridge' && internal !== true && options?.['mode'] !== 'unmanaged';
}

function withPrefix(address: string | null | undefined, length: number | null | undefined): string | undefined {
  return address ? `${address}/${length ?? 0}` : undefined;
}

export function portsOf({ HostConfig }: Inspected): PublishedPort[] {
  return Object.entries(HostConfig.PortBindings ?? {}).flatMap(([key, bindings]) => {
    const [inside, protocol] = key.split('/');
    if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return [];
    return (bindings ?? []).map(({ HostIp, HostPort }) => ({
      protocol,
      inside: Number(inside),
      outside: Number(HostPort),
      ...present({ address: HostIp && HostIp !== '0.0.0.0' && HostIp !== '::' ? HostIp : undefined }),
    }));
  });
}
