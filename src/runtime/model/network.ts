/** How a container is connected. */
import { z } from 'zod';

const text = z.string().exactOptional();
const port = z.number().int().min(0).max(65_535);

export const networkKinds = ['none', 'host', 'bridge', 'macvlan', 'ipvlan', 'container', 'user', 'other'] as const;

export const networkSchema = z.object({
  /** `container`: that of another one, `user`: through a process without rights, such as pasta. */
  kind: z.enum(networkKinds),
  /** Of the runtime's network. */
  name: text,
  /** The container that it is shared with. */
  with: text,
  /** Bridge of the host, or the card under a macvlan. */
  parent: text,
  /** Name of the link inside. */
  link: text,
  mac: text,
  /** With the length of their prefixes. */
  addresses: z.array(z.string()).exactOptional(),
  gateways: z.array(z.string()).exactOptional(),
  aliases: z.array(z.string()).exactOptional(),
  /** The host puts its own address in place of the container's. */
  nat: z.boolean().exactOptional(),
});

export const publishedPortSchema = z.object({
  protocol: z.enum(['tcp', 'udp', 'sctp']),
  inside: port,
  outside: port,
  /** Of the host; absent for all of them. */
  address: text,
});

export type ContainerNetwork = z.infer<typeof networkSchema>;
export type PublishedPort = z.infer<typeof publishedPortSchema>;
