/** VLANs (iproute2 `ip/iplink_vlan.c`). */
import { z } from 'zod';
import { fieldsText, text } from './common.ts';

const mapping = z.array(z.object({ from: z.number(), to: z.number() })).exactOptional();

export const vlan = z.object({
  kind: z.literal('vlan'),
  protocol: text,
  id: z.number().int().min(0).max(4095),
  flags: z.array(z.string()).exactOptional(),
  ingress_qos: mapping,
  egress_qos: mapping,
});

export function vlanText({ id, protocol, flags = [] }: z.infer<typeof vlan>): string {
  const usual = protocol?.toLowerCase() === '802.1q' ? undefined : protocol;
  const words = flags.filter((flag) => flag !== 'REORDER_HDR').map((flag) => flag.toLowerCase());
  return fieldsText({ id, protocol: usual, with: words });
}
