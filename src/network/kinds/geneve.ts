/** Geneve tunnels (iproute2 `ip/iplink_geneve.c`). */
import { z } from 'zod';
import { fieldsText, flag, hex, number, text } from './common.ts';

export const geneve = z.object({
  kind: z.literal('geneve'),
  id: number,
  remote: text,
  remote6: text,
  /** `inherit`, or a number. */
  ttl: z.union([z.string(), z.number()]).exactOptional(),
  tos: hex,
  df: text,
  label: hex,
  port: number,
  external: flag,
  udp_csum: flag,
  udp_zero_csum6_tx: flag,
  udp_zero_csum6_rx: flag,
  inner_proto_inherit: flag,
});

/** What iproute2 prints only where it differs. */
export const geneveDefaults = { df: 'unset' };

export function geneveText({ id, remote, remote6, port, external }: z.infer<typeof geneve>): string {
  return fieldsText({ id, remote: remote ?? remote6, port, external });
}
