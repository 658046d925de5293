/** Links that share the card of another: macvlan, macvtap, ipvlan, ipvtap (iproute2 `ip/iplink_{macvlan,ipvlan}.c`). */
import { z } from 'zod';
import { fieldsText, flag, number, text } from './common.ts';

export const macvlan = z.object({
  kind: z.enum(['macvlan', 'macvtap']),
  mode: text,
  nopromisc: flag,
  nodst: flag,
  bcqueuelen: number,
  bclim: number,
  /** The senders that mode `source` lets in. */
  macaddr_data: z.array(z.string()).exactOptional(),
});

/** What the kernel starts with, for what older versions of iproute2 do not print. */
export const macvlanDefaults = { bcqueuelen: 1000, bclim: 1 };

export const ipvlan = z.object({
  kind: z.enum(['ipvlan', 'ipvtap']),
  mode: text,
  private: flag,
  vepa: flag,
  bridge: flag,
});

export function macvlanText({ mode, macaddr_data }: z.infer<typeof macvlan>): string {
  return fieldsText({ mode, from: macaddr_data });
}

export function ipvlanText({ mode, vepa, private: apart }: z.infer<typeof ipvlan>): string {
  return fieldsText({ mode, private: apart, vepa });
}
