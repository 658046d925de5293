/** Links whose other end is a program: tun and tap (iproute2 `ip/iptuntap.c`). */
import { z } from 'zod';
import { fieldsText, flag, text } from './common.ts';

const owner = z.union([z.string(), z.number()]).exactOptional();

export const tun = z.object({
  kind: z.literal('tun'),
  /** `tun` or `tap`. */
  type: text,
  pi: flag,
  vnet_hdr: flag,
  multi_queue: flag,
  /** It stays when the program ends. Without it, the program made it and the link goes with it. */
  persist: flag,
  user: owner,
  group: owner,
});

export function tunText({ type, persist, user, group }: z.infer<typeof tun>): string {
  return [type, fieldsText({ persist, user, group })].filter((part) => part !== undefined && part !== '').join('  ');
}
