/** WireGuard as `wg show` tells it, without the keys that are secret: those are in the files of the host alone. */
import { z } from 'zod';
import { fieldsText, number, text } from './common.ts';

const peer = z.object({
  publicKey: z.string(),
  /** As last seen: it moves when the peer does. */
  endpoint: text,
  allowedIps: z.array(z.string()),
  keepaliveSeconds: number,
});

export const wireguard = z.object({
  kind: z.literal('wireguard'),
  publicKey: text,
  listenPort: number,
  fwmark: text,
  peers: z.array(peer),
});

export type WireGuard = z.infer<typeof wireguard>;

export function wireguardText({ publicKey, listenPort, peers }: WireGuard): string {
  return fieldsText({ 'public key': publicKey, port: listenPort, peers: peers.length });
}
